/**
 * `npm run bench`: what reads, storms of effects and source writes take, measured under convex-test; and what
 * many clients forward, measured on the embedded backend.
 * `npm run bench -- --json` prints the figures as one line of JSON at the end.
 */
import { parseArgs } from "node:util";
import { measureFlood } from "./flood";
import { measureForwards } from "./forwards";
import { measureHit } from "./hit";
import { type Figures, formatReport } from "./report";
import { FANOUT, FORWARDS, HIT, STORM } from "./sizes";
import { measureWrites } from "./writes";

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });

const figures: Figures = {
  hit: await measureHit(HIT),
  storm: await measureFlood(STORM),
  fanout: await measureFlood(FANOUT),
  ...(await measureWrites()),
  forwards: await measureForwards(FORWARDS),
};
const output = [
  `Measured under convex-test on Node ${process.version}.`,
  formatReport(figures),
  ...(values.json ? [JSON.stringify(figures)] : []),
];
// The sweep of the ledger waits for the end of the window, an hour from now, and would keep the process alive.
process.stdout.write(`${output.join("\n\n")}\n`, () => process.exit());
