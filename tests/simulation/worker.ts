import { type Campaign, findBug, runCampaign } from "./campaign.js";
import { serveTasks } from "./engine/pool.js";
import { PLANTED_BUGS } from "./planted.js";

/** Histories to be run, or a planted bug to be looked for, by its place in the list. */
export type Task = { from: number; count: number } | { bug: number; maxHistories: number };
/** How it went; for a bug, in which history it was found. */
export type Answer = Campaign | { bug: number; found: number | null };

serveTasks(async (task: Task): Promise<Answer> => {
  if ("count" in task) return await runCampaign(task);
  const { bug, maxHistories } = task;
  const planted = PLANTED_BUGS[bug];
  if (planted === undefined) throw new Error(`there is no planted bug ${bug}.`);
  return { bug, found: await findBug(planted, maxHistories) };
});
