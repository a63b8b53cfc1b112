import type { Deployment } from "./app.js";
import { type Campaign, findBug, makeSmall, runHistories, type Seeds } from "./campaign.js";
import { compileApp } from "./compileApp.js";
import { Isolates } from "./engine/backend.js";
import { serveTasks } from "./engine/pool.js";
import { PLANTED_BUGS } from "./planted.js";
import type { Failure } from "./shrink.js";

/** Histories to run, a failure to shrink, or a planted bug to look for, by its place in the list. */
export type Task = Seeds | { failure: Failure } | { bug: number; maxHistories: number };
/** The result; for a bug, how many histories it took to find it, or null. */
export type Answer = Campaign | Failure | number | null;

let compiled: Isolates<Deployment> | undefined;

serveTasks(async (task: Task): Promise<Answer> => {
  if ("bug" in task) {
    const planted = PLANTED_BUGS[task.bug];
    if (planted === undefined) throw new Error(`there is no planted bug ${task.bug}.`);
    return await findBug(planted, task.maxHistories);
  }
  compiled ??= new Isolates<Deployment>(await compileApp());
  return "failure" in task ? await makeSmall(task.failure, compiled) : await runHistories(task, compiled);
});
