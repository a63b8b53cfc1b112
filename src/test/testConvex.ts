import type { GenericDataModel, GenericQueryCtx } from "convex/server";

/** The part of `convexTest(…)` that is used here. */
export interface TestConvexLike {
  fetch(pathQueryFragment: string, init?: RequestInit): Promise<Response>;
  query(reference: never, args: never): Promise<unknown>;
  mutation(reference: never, args: never): Promise<unknown>;
  action(reference: never, args: never): Promise<unknown>;
  finishInProgressScheduledFunctions(): Promise<void>;
  run(work: never): Promise<unknown>;
}

/** The part of vitest's `vi` that is used here; fake timers must be on. */
export interface Clock {
  advanceTimersByTime(ms: number): unknown;
}

/** Reads in a transaction. */
export async function readIn<Result>(
  t: Pick<TestConvexLike, "run">,
  work: (ctx: GenericQueryCtx<GenericDataModel>) => Promise<Result>,
): Promise<Result> {
  return (await t.run(work as never)) as Result;
}
