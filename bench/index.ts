/**
 * `npm run bench` measures reads, storms of effects and source writes under convex-test; the forwards of many clients
 * on the embedded backend; the size that the library adds to an app's code; and the costs of each strategy that keeps
 * a value fresh, on a model of Convex.
 *
 *   npm run bench -- [--full] [--json]
 *
 * Without --full it has every figure, but measures the costs of fewer workloads. With --full it also draws the plots in
 * `docs/plots`, writes `bench/figures.json`, and updates the numbers and tables of the documentation. With --json the
 * last line is one JSON object with the figures. It shows its progress on stderr. Ctrl-C ends it with the figures that
 * are complete by then, and `interrupted: true`.
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
  // Complete, since nothing has interrupted it.
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
