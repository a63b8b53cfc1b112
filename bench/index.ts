/**
 * `npm run bench`: what reads, storms of effects and source writes take, measured under convex-test; what many clients
 * forward, measured on the embedded backend; and what each way of keeping a value fresh costs, measured on a model of
 * Convex, with pictures in `docs/plots`.
 * `npm run bench -- --json` prints the figures as one line of JSON at the end.
 */
import { parseArgs } from "node:util";
import { costFigures } from "./costs/figures";
import { measureCosts } from "./costs/measure";
import { drawPlots } from "./costs/plots";
import { formatCosts } from "./costs/report";
import { measureFlood } from "./flood";
import { measureForwards } from "./forwards";
import { measureHit } from "./hit";
import { measureOverhead } from "./overhead";
import { type Figures, formatReport } from "./report";
import { FANOUT, FORWARDS, HIT, OVERHEAD_ROUNDS, STORM } from "./sizes";
import { measureWrites } from "./writes";

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });

const figures: Figures = {
  hit: await measureHit(HIT),
  storm: await measureFlood(STORM),
  fanout: await measureFlood(FANOUT),
  ...(await measureWrites()),
  forwards: await measureForwards(FORWARDS),
  overhead: await measureOverhead(OVERHEAD_ROUNDS),
};
const recordings = await measureCosts();
const costs = costFigures(recordings);
await drawPlots(recordings, costs);
const output = [
  `Measured under convex-test on Node ${process.version}.`,
  formatReport(figures),
  formatCosts(recordings, costs),
  ...(values.json ? [JSON.stringify({ ...figures, ...costs })] : []),
];
// The sweep of the ledger waits for the end of the window, an hour from now, and would keep the process alive.
process.stdout.write(`${output.join("\n\n")}\n`, () => process.exit());
