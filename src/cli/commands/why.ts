import type { Command } from "commander";
import type { Explanation } from "../../views/explain.js";
import { askQuery, mayPass } from "../askQuery.js";
import { type DeploymentSelection, deploymentOptions, findDeployment } from "../deployment.js";
import type { LogEntry, LogPage } from "../functionLog.js";
import { type LogKeyOptions, logKeyOption, openLog } from "../logSource.js";
import { moduleOf } from "../moduleOf.js";
import { findOpener } from "../openSeals.js";
import { note, printJson } from "../output.js";
import { untilSignal } from "../untilSignal.js";
import { parseKey } from "../why/key.js";
import { storyOf } from "../why/story.js";
import { Teller, type Told } from "../why/teller.js";
import { waitsFor } from "../why/waits.js";

type WhyFlags = DeploymentSelection & LogKeyOptions & { module?: string; follow?: boolean; json?: boolean };

/** A story is made from at most so many entries of the log. */
const MOST_ENTRIES = 10_000;

/** Adds `why`: the story of one row. */
export function addWhy(program: Command): void {
  const command = program
    .command("why <view> <key...>")
    .summary("tells the story of a row: what made it stale, what has happened since, what it waits for")
    .description(
      "Tells the story of one row, with times: which write made it stale, who read it, how its recompute was asked for " +
        "and dispatched, when it became fresh, and what it waits for now. It reads the row, and the last 1,000 entries " +
        "of the deployment's function log.",
    )
    .option("--follow", "go on until the row is fresh")
    .option("--module <path>", "the module that exports lazy.functions(), such as lazy")
    .option("--json", "print one JSON object, at the end");
  logKeyOption(deploymentOptions(command))
    .addHelpText(
      "after",
      `
Give the key as pairs, or as one JSON object. Times are in the time zone of this machine.

Examples:
  $ npx convex-lazy-views why airportStats airport=SFO
  $ npx convex-lazy-views why airportStats '{"airport":"SFO"}' --follow`,
    )
    .action(runWhy);
}

async function runWhy(view: string, words: string[], options: WhyFlags): Promise<void> {
  const key = parseKey(words);
  const deployment = await findDeployment(options);
  const [module, opener] = await Promise.all([moduleOf(deployment, options.module), findOpener(deployment, options)]);
  const ask = async () =>
    (await askQuery(deployment, `${module}:inspect`, { view, key: key.json })) as unknown as Explanation;
  const explanations: [Explanation, ...Explanation[]] = [await ask()];
  const tell = async (entries: readonly LogEntry[]): Promise<Told> => {
    const opened = opener && (await opener(entries));
    const story = storyOf({ module, view, key: key.text, explanations, entries, opened });
    const row = explanations.at(-1) ?? explanations[0];
    return { row, story, waits: waitsFor(row, story, Date.now()) };
  };
  const teller = options.json ? null : new Teller(`${view} ${key.text}`);
  let entries: LogEntry[] = [];
  let told: Told | null = null;
  for await (const page of openLog(deployment, { ...options, signal: untilSignal() })) {
    entries = [...entries, ...page.entries].slice(-MOST_ENTRIES);
    // This command's own queries are entries as well. They must not lead to more queries.
    const isAsked = told !== null && (canChangeRow(page) || isBehind(told.row, entries));
    const answer = isAsked ? await ask().catch(mayPass) : null;
    if (answer) explanations.push(answer);
    told = await tell(entries);
    const isFresh = told.row.state === "fresh";
    // The log's entry of the recompute comes next.
    if (options.follow && isFresh && isBehind(told.row, entries)) continue;
    teller?.tell(told);
    if (!options.follow || isFresh) break;
  }
  if (options.json)
    printJson({ view, key: key.json, effectsAreOpened: opener !== null, ...(told ?? (await tell([]))) });
  else if (opener === null) note("Effects stay sealed, as their secret is not known here: some may be for other rows.");
}

/** Whether the row may have changed: a mutation has ended, or nothing came for a minute. */
function canChangeRow({ entries }: LogPage): boolean {
  return entries.length === 0 || entries.some(({ kind, udfType }) => kind === "Completion" && udfType === "Mutation");
}

/** Whether the log, as it was read, ends before the row's last commit. */
function isBehind({ computedAt }: Explanation, entries: readonly LogEntry[]): boolean {
  return computedAt !== null && (entries.at(-1)?.timestamp ?? 0) * 1_000 < computedAt;
}
