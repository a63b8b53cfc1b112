/**
 * Runs random histories, and looks for the planted bugs.
 *
 *   npm run simulate -- [--histories 100000] [--seed 0] [--json]
 *   npm run simulate -- --replay <word>      what a failure printed
 *
 * With --json the last line is one JSON object: histories, violations, plantedBugs, plantedBugsFound.
 */
import { parseArgs } from "node:util";
import { type Campaign, explain, MAX_FAILURES } from "./campaign.js";
import { inProcesses } from "./engine/pool.js";
import { PLANTED_BUGS } from "./planted.js";
import { fromWord } from "./shrink.js";
import type { Answer, Task } from "./worker.js";

const HISTORIES_PER_BUG = 3_000;
const HISTORIES_PER_TASK = 250;
const REPORT_EVERY = 5_000;
const WORKER = new URL("worker.ts", import.meta.url);

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
  const { histories, violations } = await runHistories(from, count);
  const plantedBugsFound = await findBugs();
  const plantedBugs = PLANTED_BUGS.length;
  if (values.json) {
    console.log(JSON.stringify({ histories, violations, plantedBugs, plantedBugsFound }));
  }
  if (violations > 0 || plantedBugsFound < plantedBugs) process.exitCode = 1;
}

async function runHistories(from: number, count: number) {
  const begun = performance.now();
  const total = { histories: 0, commits: 0, conflicts: 0, failures: [] } as Campaign;
  const tasks = Array.from({ length: Math.ceil(count / HISTORIES_PER_TASK) }, (_, i): Task => {
    const before = i * HISTORIES_PER_TASK;
    return { from: from + before, count: Math.min(HISTORIES_PER_TASK, count - before) };
  });
  await inProcesses<Task, Answer>(WORKER, tasks, {
    onAnswer: (answer) => {
      const campaign = answer as Campaign;
      total.histories += campaign.histories;
      total.commits += campaign.commits;
      total.conflicts += campaign.conflicts;
      total.failures.push(...campaign.failures);
      if (total.histories % REPORT_EVERY === 0) {
        console.log(`${total.histories} of ${count} histories`);
      }
      return total.failures.length < MAX_FAILURES;
    },
  });
  const seconds = (performance.now() - begun) / 1_000;
  for (const failure of total.failures) console.log(`\n${await explain(failure)}\n`);
  const { histories, commits, conflicts, failures } = total;
  console.log(
    `${histories} histories with ${commits} commits and ${conflicts} conflicts, ` +
      `${Math.round(histories / seconds)} a second: ${failures.length} violations`,
  );
  return { histories, violations: failures.length };
}

async function findBugs(): Promise<number> {
  const tasks = PLANTED_BUGS.map((_, bug): Task => ({ bug, maxHistories: HISTORIES_PER_BUG }));
  const answers = await inProcesses<Task, Answer>(WORKER, tasks);
  let foundBugs = 0;
  for (const answer of answers) {
    const { bug, found } = answer as Extract<Answer, { bug: number }>;
    if (found !== null) foundBugs++;
    console.log(
      `planted: ${PLANTED_BUGS[bug]?.name}: ${found === null ? "NOT FOUND" : `found in history ${found}`}`,
    );
  }
  return foundBugs;
}

/** @throws Error naming the option and the value. */
function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new Error(`--${option} is "${text}"; give a whole number from 0.`);
}

await main();
