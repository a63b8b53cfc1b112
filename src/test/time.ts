import { type Clock, readIn, type TestConvexLike } from "./testConvex.js";

/**
 * How many times to wait, a millisecond each, for an overdue function: functions that are due together start one by
 * one.
 */
const MAX_OVERDUE = 10_000;

/**
 * Lets time pass, and runs every scheduled function that becomes due in it, at its time, also those that are scheduled
 * meanwhile.
 *
 * @returns Whether a function has run.
 */
export async function advance(t: TestConvexLike, clock: Clock, ms: number): Promise<boolean> {
  const until = Date.now() + ms;
  let hasRun = false;
  let overdue = 0;
  for (;;) {
    await t.finishInProgressScheduledFunctions();
    const next = await nextJob(t);
    // Functions may see a clock that is a millisecond ahead of this one, since no two commits share a timestamp.
    if (next > Math.max(until, Date.now() + 1)) break;
    overdue = next < Date.now() ? overdue + 1 : 0;
    if (overdue > MAX_OVERDUE) {
      throw new Error(
        `advance: a scheduled function has been due for ${Date.now() - next} ms and does not start. ` +
          "Let time pass with advance, not with vi.setSystemTime.",
      );
    }
    hasRun = true;
    clock.advanceTimersByTime(Math.max(next - Date.now(), 0) + 1);
    await t.finishInProgressScheduledFunctions();
  }
  clock.advanceTimersByTime(Math.max(until - Date.now(), 0));
  return hasRun;
}

/** When the next scheduled function is due, in ms since 1970; Infinity when there is none. */
async function nextJob(t: TestConvexLike): Promise<number> {
  return await readIn(t, async (ctx) => {
    const jobs = await ctx.db.system.query("_scheduled_functions").collect();
    const pending = jobs.filter((job) => job.state.kind === "pending");
    return Math.min(...pending.map((job) => job.scheduledTime));
  });
}
