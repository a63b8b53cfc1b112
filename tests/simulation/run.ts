/**
 * Runs random histories, and looks for the planted bugs.
 *
 *   npm run simulate -- [--histories 100000] [--seed 0] [--kind clients] [--json]
 *   npm run simulate -- --replay <word>      the word that a failure printed
 *
 * With --json the last line is one JSON object: histories, violations, plantedBugs, plantedBugsFound. Progress goes to
 * stderr. After Ctrl-C it prints the results so far, with `interrupted: true`.
 */
import { parseArgs } from "node:util";
import { interruption } from "../../tools/interruption.js";
import { Progress } from "../../tools/progress.js";
import { wholeNumber } from "../../tools/wholeNumber.js";
import { type Campaign, explain, MAX_FAILURES, type Seeds } from "./campaign.js";
import { inProcesses } from "./engine/pool.js";
import { KINDS } from "./history.js";
import { PLANTED_BUGS } from "./planted.js";
import { type Failure, fromWord } from "./shrink.js";
import type { Task } from "./worker.js";

const HISTORIES_PER_BUG = 3_000;
/** An interruption loses no more than this of each process. */
const HISTORIES_PER_TASK = 10;
const WORKER = new URL("worker.ts", import.meta.url);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      histories: { type: "string", default: "100000" },
      seed: { type: "string", default: "0" },
      kind: { type: "string" },
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
  const kind = KINDS.find((each) => each === values.kind);
  if (kind !== values.kind) throw new Error(`--kind is "${values.kind}"; give one of: ${KINDS.join(", ")}.`);
  const signal = interruption();
  const { histories, violations } = await runHistories({ from, count, kind }, signal);
  const plantedBugsFound = signal.aborted ? 0 : await findBugs(signal);
  const plantedBugs = PLANTED_BUGS.length;
  if (values.json) {
    const interrupted = signal.aborted ? { interrupted: true } : {};
    console.log(JSON.stringify({ histories, violations, plantedBugs, plantedBugsFound, ...interrupted }));
  }
  if (violations > 0 || plantedBugsFound < plantedBugs) process.exitCode ??= 1;
}

async function runHistories({ from, count, kind }: Seeds, signal: AbortSignal) {
  const begun = performance.now();
  const total: Campaign = { histories: 0, commits: 0, conflicts: 0, failures: [] };
  const tasks = Array.from({ length: Math.ceil(count / HISTORIES_PER_TASK) }, (_, i): Task => {
    const before = i * HISTORIES_PER_TASK;
    return { from: from + before, count: Math.min(HISTORIES_PER_TASK, count - before), kind };
  });
  const progress = new Progress({ program: "simulate", steps: "histories", total: count });
  await inProcesses<Task, Campaign>(WORKER, tasks, {
    onAnswer: ({ histories, commits, conflicts, failures }) => {
      total.histories += histories;
      total.commits += commits;
      total.conflicts += conflicts;
      total.failures.push(...failures);
      progress.update(total.histories);
      return total.failures.length < MAX_FAILURES;
    },
    signal,
  });
  progress.stop();
  const seconds = (performance.now() - begun) / 1_000;
  for (const failure of await makeSmall(total.failures, signal)) {
    console.log(`\n${await explain(failure)}\n`);
  }
  const { histories, commits, conflicts, failures } = total;
  if (signal.aborted) console.log(`interrupted: ${histories} of ${count} histories were run`);
  console.log(
    `${histories} histories with ${commits} commits and ${conflicts} conflicts, ` +
      `${Math.round(histories / seconds)} a second: ${failures.length} violations`,
  );
  return { histories, violations: failures.length };
}

/** The failures, shrunk as far as possible; or unchanged, when the run was interrupted. */
async function makeSmall(failures: readonly Failure[], signal: AbortSignal): Promise<Failure[]> {
  if (failures.length === 0 || signal.aborted) return [...failures];
  const progress = new Progress({
    program: "simulate",
    steps: "failures made small",
    total: failures.length,
  });
  let done = 0;
  const small = await inProcesses<Task, Failure>(
    WORKER,
    failures.map((failure): Task => ({ failure })),
    { onAnswer: () => progress.update(++done), signal },
  );
  progress.stop();
  return failures.map((failure, i) => small[i] ?? failure);
}

async function findBugs(signal: AbortSignal): Promise<number> {
  const total = PLANTED_BUGS.length;
  const progress = new Progress({
    program: "simulate",
    steps: "planted bugs",
    total,
  });
  let done = 0;
  let foundBugs = 0;
  await inProcesses<Task, number | null>(
    WORKER,
    PLANTED_BUGS.map((_, bug): Task => ({ bug, maxHistories: HISTORIES_PER_BUG })),
    {
      onAnswer: (found, bug) => {
        if (found !== null) foundBugs++;
        const answer = found === null ? "NOT FOUND" : `found in history ${found}`;
        progress.print(`planted: ${PLANTED_BUGS[bug]?.name}: ${answer}`);
        progress.update(++done);
      },
      signal,
    },
  );
  progress.stop();
  if (signal.aborted) console.log(`interrupted: ${done} of ${total} planted bugs were looked for`);
  return foundBugs;
}

await main();
