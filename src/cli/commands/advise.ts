import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Command, Option } from "commander";
import { callsOf } from "../advise/calls.js";
import { observe } from "../advise/observation.js";
import { predict } from "../advise/predict.js";
import { adviceJson, adviceText } from "../advise/report.js";
import { type DeploymentSelection, deploymentOptions, findDeployment } from "../deployment.js";
import { parseDuration } from "../duration.js";
import { type LogEntry, toLogEntry } from "../functionLog.js";
import { type LogKeyOptions, logKeyOption, openLog } from "../logSource.js";
import { CliError, keepSecret, note, print, printJson, warn } from "../output.js";
import { untilSignal } from "../untilSignal.js";
import { spanText } from "../words.js";

interface AdviseOptions extends DeploymentSelection, LogKeyOptions {
  for: number;
  jsonl?: string;
  window: number;
  module?: string;
  json?: boolean;
}

/** The part of the log that was read. */
interface Read {
  entries: LogEntry[];
  /** How often entries were lost. */
  gaps: number;
  /** When the log was last looked at, by the deployment's clock, in ms since 1970. */
  until?: number;
}

/** How long to wait for the first page: a poll of an empty log takes so long. */
const FIRST_PAGE_MS = 60_000;

const EXAMPLES = `
Examples:
  $ npx convex-lazy-views advise --for 30m --prod
  $ npx convex logs --prod --history 1000 --jsonl > log.jsonl   # until you press Ctrl-C
  $ npx convex-lazy-views advise --jsonl log.jsonl`;

/** Adds the command `advise` to the program. */
export function addAdvise(program: Command): void {
  const command = program
    .command("advise")
    .summary("says which queries would gain from a view, and what it would save")
    .description(
      "Reads the function log, and ranks queries by the documents that they read. It predicts for each how many " +
        "documents, bytes and dollars a view would save, and says where a view would not pay. It reads no documents of " +
        "your app.",
    )
    .addOption(
      new Option("--for <time>", "how long to go on reading, after the calls that are in the log already")
        .argParser(parseDuration)
        .default(600_000, "10m"),
    )
    .option("--jsonl <file>", "read a log that you have saved with `npx convex logs --jsonl`; - is the standard input")
    .addOption(
      new Option("--window <time>", "the window of a view: how long a stale value may be served under constant reads")
        .argParser(parseDuration)
        .default(10_000, "10s"),
    )
    .option("--module <path>", "the module that exports the library's functions, which are not counted (default: lazy)")
    .option("--json", "print one JSON object, with all queries")
    .addHelpText("after", EXAMPLES);
  logKeyOption(deploymentOptions(command)).action(async (options: AdviseOptions) => {
    if (options.adminKey !== undefined) keepSecret(options.adminKey);
    const { entries, gaps, until } =
      options.jsonl === undefined ? await readLive(options) : { ...(await readSaved(options.jsonl)), until: undefined };
    const windowMs = options.window;
    const calls = callsOf(entries, options.module);
    const observation = observe(calls, { windowMs, ...(until !== undefined && { until }) });
    const predictions = predict(observation, windowMs);
    if (options.json) printJson(adviceJson(observation, predictions, { windowMs, gaps }));
    else for (const line of adviceText(observation, predictions, { windowMs, gaps })) print(line);
  });
}

/** Reads what the log has, and what comes in the given time. Ctrl-C ends it earlier. */
async function readLive(options: AdviseOptions): Promise<Read> {
  const interrupted = untilSignal();
  const deployment = await findDeployment(options);
  note(`Reading the log of ${deployment.describe} for ${spanText(options.for)}. Ctrl-C shows what has come by then.`);
  const ended = new AbortController();
  const end = () => ended.abort();
  const endsAt = Date.now() + options.for;
  // An empty log answers no first page before a minute.
  const patience = setTimeout(end, Math.max(options.for, FIRST_PAGE_MS));
  const entries: LogEntry[] = [];
  let gaps = 0;
  let readAt = 0;
  for await (const page of openLog(deployment, { ...options, signal: AbortSignal.any([interrupted, ended.signal]) })) {
    entries.push(...page.entries);
    if (page.gap !== null) gaps++;
    // The first page has the calls so far, so it is waited for, however short the time is.
    if (readAt === 0) setTimeout(end, Math.max(0, endsAt - Date.now())).unref();
    readAt = Date.now();
  }
  clearTimeout(patience);
  const last = entries.at(-1);
  return { entries, gaps, ...(last && { until: last.timestamp * 1_000 + (Date.now() - readAt) }) };
}

/** @throws CliError when there is no such file, or no line of it is an entry of the log. */
async function readSaved(file: string): Promise<Read> {
  if (file !== "-" && !existsSync(file)) {
    throw new CliError(
      `There is no file ${file}. Save a log with \`npx convex logs --history 1000 --jsonl > ${file}\`.`,
    );
  }
  const input = file === "-" ? process.stdin : createReadStream(file, "utf8");
  const entries: LogEntry[] = [];
  let unknown = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === "") continue;
    const entry = parseLine(line);
    if (entry === null) unknown++;
    else entries.push(entry);
  }
  const what = file === "-" ? "the standard input" : file;
  if (entries.length === 0 && unknown > 0) {
    throw new CliError(`No line of ${what} is an entry of the log, as \`npx convex logs --jsonl\` writes them.`);
  }
  if (unknown > 0) {
    const lines = unknown === 1 ? `1 line of ${what} is not an entry` : `${unknown} lines of ${what} are not entries`;
    warn(`${lines} of the log, and left out.`);
  }
  return { entries, gaps: 0 };
}

function parseLine(line: string): LogEntry | null {
  try {
    return toLogEntry(JSON.parse(line));
  } catch {
    return null;
  }
}
