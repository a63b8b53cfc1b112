/**
 * `npm run bench`: what reads, storms of effects and source writes take, measured under convex-test; what many clients
 * forward, measured on the embedded backend; what the library adds to an app's code; and what each way of keeping a
 * value fresh costs, measured on a model of Convex.
 *
 *   npm run bench -- [--full] [--json]
 *
 * Without --full it has every figure, but measures the costs of fewer workloads; with it, it draws the pictures in
 * `docs/plots`, writes `bench/figures.json`, and puts its figures into the numbers and tables of the documentation. With --json the last line is the figures as one line of JSON. On stderr it shows how far it is. Ctrl-C
 * ends it with the figures that are complete by then, and `interrupted: true`.
 */
import { parseArgs } from "node:util";
import { interruption } from "../tools/interruption";
import { costFigures } from "./costs/figures";
import type { CostRecordings } from "./costs/measure";
import { drawPlots } from "./costs/plots";
import { formatCosts } from "./costs/report";
import { documentedFigures } from "./documentation/figures";
import { writeDocumentation } from "./documentation/pages";
import { measure } from "./measure";
import type { Figures } from "./measurements";
import { formatReport } from "./report";
import { FULL, QUICK } from "./sizes";

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const sizes = values.full ? FULL : QUICK;
console.log(`${sizes.title}\nMeasured under convex-test on Node ${process.version}.`);

const signal = interruption();
const { figures, recordings, done, total } = await measure(sizes, signal);
const costs = costFigures(recordings);
if (sizes.isDocumented && !signal.aborted) {
  await drawPlots(recordings, costs);
  // Without an interruption, all of them were measured.
  writeDocumentation(documentedFigures(figures as Figures, recordings as CostRecordings));
}

for (const part of [...formatReport(figures, sizes), ...formatCosts(recordings, costs)]) {
  console.log(`\n${part}`);
}
if (signal.aborted) {
  console.log(`\ninterrupted: ${done} of ${total} measurements were made; what is above is complete`);
}
if (values.json) {
  const { writes, mass: _, ...others } = figures;
  const interrupted = signal.aborted ? { interrupted: true } : {};
  console.log(`\n${JSON.stringify({ ...others, ...writes, ...costs, ...interrupted })}`);
}
