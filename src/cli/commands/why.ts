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

/** Entries that a story is made from, at most. */
const MOST_ENTRIES = 10_000;

/** Adds `why`: the story of one row. */
export function addWhy(program: Command): void {
  const command = program
    .command("why <view> <key...>")
    .summary("tells the story of a row: what made it stale, what came of it, what it waits for")
    .description(
      "Tells the story of one row, from what the deployment knows of it and from the last 1,000 entries of its function " +
        "log: write, mark, read, effect, dispatch, recompute, fresh; with times, and what the row waits for now.",
    )
    .option("--follow", "go on until the row is fresh")
    .option("--module <path>", "the module that exports lazy.functions(), such as lazy")
    .option("--json", "print one JSON object, at the end");
  logKeyOption(deploymentOptions(command))
    .addHelpText(
      "after",
      `
The key is one JSON object, or pairs. Times are in this machine's zone.

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
    // This command's own queries are entries as well: they must not lead to the next.
    const isAsked = told !== null && (canChangeRow(page) || isBehind(told.row, entries));
    const answer = isAsked ? await ask().catch(mayPass) : null;
    if (answer) explanations.push(answer);
    told = await tell(entries);
    const isFresh = told.row.state === "fresh";
    // The entry of the recompute is about to come.
    if (options.follow && isFresh && isBehind(told.row, entries)) continue;
    teller?.tell(told);
    if (!options.follow || isFresh) break;
  }
  if (options.json)
    printJson({ view, key: key.json, effectsAreOpened: opener !== null, ...(told ?? (await tell([]))) });
  else if (opener === null) note("Effects stay sealed, as their secret is not known here: some may be for other rows.");
}

/** Whether something may have become of the row: a mutation has ended, or nothing has for a minute. */
function canChangeRow({ entries }: LogPage): boolean {
  return entries.length === 0 || entries.some(({ kind, udfType }) => kind === "Completion" && udfType === "Mutation");
}

/** Whether a page of the log has come before the row was committed as it is. */
function isBehind({ computedAt }: Explanation, entries: readonly LogEntry[]): boolean {
  return computedAt !== null && (entries.at(-1)?.timestamp ?? 0) * 1_000 < computedAt;
}
