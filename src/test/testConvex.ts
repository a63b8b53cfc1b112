import type { GenericDataModel, GenericQueryCtx } from "convex/server";

/** What the test kit uses of the object that `convexTest` of `convex-test` returns. */
export interface TestConvexLike {
  fetch(pathQueryFragment: string, init?: RequestInit): Promise<Response>;
  query(reference: never, args: never): Promise<unknown>;
  mutation(reference: never, args: never): Promise<unknown>;
  action(reference: never, args: never): Promise<unknown>;
  finishInProgressScheduledFunctions(): Promise<void>;
  run(work: never): Promise<unknown>;
}

/** What the test kit uses of vitest's `vi`. Fake timers must be on: `vi.useFakeTimers()`. */
export interface Clock {
  advanceTimersByTime(ms: number): unknown;
}

/** Reads in one transaction. */
export async function readIn<Result>(
  t: Pick<TestConvexLike, "run">,
  work: (ctx: GenericQueryCtx<GenericDataModel>) => Promise<Result>,
): Promise<Result> {
  return (await t.run(work as never)) as Result;
}
