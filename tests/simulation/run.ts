/**
 * Runs random histories, and looks for the planted bugs.
 *
 *   npm run simulate -- [--histories 100000] [--seed 0] [--json]
 *   npm run simulate -- --replay <word>      what a failure printed
 *
 * With --json the last line is one JSON object: histories, violations, plantedBugs, plantedBugsFound.
 */
import { parseArgs } from "node:util";
import { explain, findBug, runCampaign } from "./campaign.js";
import { PLANTED_BUGS } from "./planted.js";
import { fromWord } from "./shrink.js";

const HISTORIES_PER_BUG = 3_000;
const REPORT_EVERY = 5_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      histories: { type: "string", default: "100000" },
      seed: { type: "string", default: "0" },
      json: { type: "boolean", default: false },
      replay: { type: "string" },
    },
  });
  if (values.replay !== undefined) {
    const history = fromWord(values.replay);
    console.log(await explain({ history }));
    return;
  }
  const count = wholeNumber("histories", values.histories);
  const from = wholeNumber("seed", values.seed);
  const begun = performance.now();
  const { histories, commits, conflicts, failures } = await runCampaign(
    { from, count },
    [],
    (done) => {
      if (done % REPORT_EVERY === 0) console.log(`${done} of ${count} histories`);
    },
  );
  const seconds = (performance.now() - begun) / 1_000;
  for (const failure of failures) console.log(`\n${await explain(failure)}\n`);
  console.log(
    `${histories} histories with ${commits} commits and ${conflicts} conflicts, ` +
      `${Math.round(histories / seconds)} a second: ${failures.length} violations`,
  );

  let plantedBugsFound = 0;
  for (const bug of PLANTED_BUGS) {
    const found = await findBug(bug, HISTORIES_PER_BUG);
    if (found !== null) plantedBugsFound++;
    console.log(
      `planted: ${bug.name}: ${found === null ? "NOT FOUND" : `found in history ${found}`}`,
    );
  }
  const plantedBugs = PLANTED_BUGS.length;
  const violations = failures.length;
  if (values.json) {
    console.log(JSON.stringify({ histories, violations, plantedBugs, plantedBugsFound }));
  }
  if (violations > 0 || plantedBugsFound < plantedBugs) process.exitCode = 1;
}

/** @throws Error naming the option and the value. */
function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new Error(`--${option} is "${text}"; give a whole number from 0.`);
}

await main();
