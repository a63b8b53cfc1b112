import type { Deployment } from "./app.js";
import { compileApp } from "./compileApp.js";
import { Isolates } from "./engine/backend.js";
import { historyOf, type Kind, kindOf } from "./history.js";
import type { PlantedBug } from "./planted.js";
import { type Failure, shrink, toWord } from "./shrink.js";
import { type Outcome, simulate } from "./simulation.js";

/** The result of running many histories. */
export interface Campaign {
  histories: number;
  commits: number;
  conflicts: number;
  failures: Failure[];
}

/** Which histories to run: how many, from which seed on, and of one kind or of all kinds in their shares. */
export interface Seeds {
  from: number;
  count: number;
  kind?: Kind | undefined;
}

/** A campaign ends after so many failures. */
export const MAX_FAILURES = 5;

/** Runs the histories of many seeds, one after the other. Does not shrink failures. */
export async function runHistories(seeds: Seeds, isolates: Isolates<Deployment>): Promise<Campaign> {
  const campaign: Campaign = { histories: 0, commits: 0, conflicts: 0, failures: [] };
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed++) {
    const history = historyOf(seed, seeds.kind ?? kindOf(seed));
    const outcome = await simulate(history, isolates);
    campaign.histories++;
    campaign.commits += outcome.commits;
    campaign.conflicts += outcome.conflicts;
    if (outcome.violation !== null) {
      campaign.failures.push({ history, outcome });
      if (campaign.failures.length === MAX_FAILURES) break;
    }
    await breathe();
  }
  return campaign;
}

/** Shrinks a failure as far as possible. */
export async function makeSmall(failure: Failure, isolates: Isolates<Deployment>): Promise<Failure> {
  return await shrink(failure, (smaller) => simulate(smaller, isolates));
}

/** Runs the histories of many seeds, and shrinks their failures. */
export async function runCampaign(seeds: Seeds): Promise<Campaign> {
  const isolates = new Isolates<Deployment>(await compileApp());
  const campaign = await runHistories(seeds, isolates);
  const failures: Failure[] = [];
  for (const failure of campaign.failures) failures.push(await makeSmall(failure, isolates));
  return { ...campaign, failures };
}

/**
 * Looks for a history that a planted bug breaks.
 *
 * @param from - The seed of the first history.
 * @returns How many histories it took; null when the bug broke none of them.
 */
export async function findBug(
  { edits, seed: ownSeed, isRare, among, kind = {} }: PlantedBug,
  maxHistories: number,
  from = isRare ? ownSeed : 0,
): Promise<number | null> {
  const isolates = new Isolates<Deployment>(await compileApp(edits));
  const wanted = Object.entries(kind);
  for (let seed = from, tried = 0; tried < maxHistories; seed++) {
    const history = historyOf(seed, among);
    if (!wanted.every(([name, value]) => history[name as keyof typeof history] === value)) continue;
    tried++;
    const { violation } = await simulate(history, isolates);
    if (violation !== null) return tried;
    await breathe();
  }
  return null;
}

/** A readable account of a history: its events, what it broke, and the command that replays it. */
export async function explain({ history }: Pick<Failure, "history">): Promise<string> {
  const { trace, violation } = await replay(history);
  return [
    ...trace,
    "",
    violation ?? "Nothing is broken.",
    `Replay: npm run simulate -- --replay ${toWord(history)}`,
  ].join("\n");
}

async function replay(history: Failure["history"]): Promise<Outcome> {
  return await simulate(history, new Isolates<Deployment>(await compileApp()), { isTraced: true });
}

/** Lets the event loop run other work, such as signals and messages: a history never does. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
