import { setTimeout as sleep } from "node:timers/promises";
import { type Command, InvalidArgumentError } from "commander";
import type { InspectReport } from "../../app/inspect.js";
import { reasonOf } from "../../values/describe.js";
import { askQuery, mayPass } from "../askQuery.js";
import { type DeploymentSelection, deploymentOptions, findDeployment } from "../deployment.js";
import type { LogPage } from "../functionLog.js";
import { type LogKeyOptions, logKeyOption, openLog } from "../logSource.js";
import { moduleOf } from "../moduleOf.js";
import { CliError, note, print, warn } from "../output.js";
import { untilSignal } from "../untilSignal.js";
import { Rates } from "../watch/rates.js";
import { Screen } from "../watch/screen.js";
import { snapshotOf } from "../watch/snapshot.js";
import { lineOf, type Snapshot } from "../watch/table.js";

type WatchFlags = DeploymentSelection &
  LogKeyOptions & { module?: string; interval: number; once?: boolean; json?: boolean };

/** Adds `watch`: a live table of the views. */
export function addWatch(program: Command): void {
  const command = program
    .command("watch")
    .summary("shows a live table of the views")
    .description(
      "Shows a table of the views, which it updates until you stop it: how many rows each view has, how many of them " +
        "are stale, for how long, and how many keys fail; and what recomputes did in the last minute. For each update it " +
        "runs the query `inspect`, which reads up to 1,000 rows of each view.",
    )
    .option("--interval <seconds>", "the time between two updates", parseSeconds, 2)
    .option("--once", "print the table once")
    .option("--module <path>", "the module that exports lazy.functions(), such as lazy")
    .option("--json", "print one JSON object for each update, on one line");
  logKeyOption(deploymentOptions(command))
    .addHelpText(
      "after",
      `
Where the output is not a terminal, it prints one line for each update.

Examples:
  $ npx convex-lazy-views watch
  $ npx convex-lazy-views watch --prod --once
  $ npx convex-lazy-views watch --json --interval 60 >> views.jsonl`,
    )
    .action(runWatch);
}

async function runWatch(options: WatchFlags): Promise<void> {
  const { interval, once, json } = options;
  const signal = untilSignal();
  const deployment = await findDeployment(options);
  const module = await moduleOf(deployment, options.module);
  const ask = async () => (await askQuery(deployment, `${module}:inspect`, {})) as unknown as InspectReport;
  const rates = new Rates(module);
  const stopped = new AbortController();
  const log = openLog(deployment, { ...options, signal: AbortSignal.any([signal, stopped.signal]) });
  const screen = new Screen();
  const show = (snapshot: Snapshot) => {
    if (json) print(JSON.stringify(snapshot));
    else if (once || process.stdout.isTTY) screen.draw(snapshot);
    else print(lineOf(snapshot));
  };
  if (!once && !json) note(`Watching the views of ${deployment.describe}. Stop it with Ctrl-C.`);
  // The log's first answer is its history. This query comes before it, so that it is the last entry there.
  let report = await ask();
  const read = await readHistory(log, rates);
  const reading = read && !once ? keepReading(log, rates) : undefined;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const asked = isFirst ? report : await ask().catch(mayPass);
    if (asked) report = asked;
    if (!signal.aborted) show(snapshotOf(report, rates.lastMinute(Date.now()), Date.now()));
    if (once) break;
    await sleep(interval * 1_000, undefined, { signal }).catch(() => {});
  }
  stopped.abort();
  await reading;
}

/** Reads what the log has kept. Returns whether the log can be read: without it, the table shows less. */
async function readHistory(log: AsyncGenerator<LogPage>, rates: Rates): Promise<boolean> {
  try {
    const { value } = await log.next();
    if (value) rates.add(value as LogPage);
    return true;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    warn(`The function log cannot be read, so recomputes are not counted. ${error.message}`);
    return false;
  }
}

async function keepReading(log: AsyncGenerator<LogPage>, rates: Rates): Promise<void> {
  try {
    for await (const page of log) rates.add(page);
  } catch (error) {
    warn(`The function log cannot be read any more: ${reasonOf(error)}`);
  }
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== "" && seconds >= 0.1 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError("Give seconds, from 0.1 to 86400.");
}
