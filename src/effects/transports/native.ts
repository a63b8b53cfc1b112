import type { FunctionReference, FunctionVisibility } from "convex/server";
import { CHUNK } from "../dispatch.js";
import type { Effect } from "../effect.js";

/** The `ctx.scheduleEffect` that Convex itself may give queries one day. */
type Native = (target: DispatchReference, args: { effects: Effect[] }) => unknown;

/** The mutation `dispatch` of the app. */
type DispatchReference = FunctionReference<
  "mutation",
  FunctionVisibility,
  { effects: Effect[] },
  unknown
>;

/** Finds it on a ctx that comes from Convex. */
export function findNative(ctx: object): Native | undefined {
  const { scheduleEffect } = ctx as { scheduleEffect?: unknown };
  return typeof scheduleEffect === "function" ? (scheduleEffect.bind(ctx) as Native) : undefined;
}

/**
 * Hands effects to Convex, as calls of our `dispatch`: windows and the ledger stay the same.
 * Never throws: what cannot be sent is said on the console, and the query returns its value.
 */
export async function sendNatively(
  native: Native,
  dispatch: DispatchReference,
  effects: readonly Effect[],
): Promise<void> {
  try {
    for (let start = 0; start < effects.length; start += CHUNK) {
      await native(dispatch, { effects: effects.slice(start, start + CHUNK) });
    }
  } catch (error) {
    console.error(
      `convex-lazy-views: ${effects.length} effect(s) were not sent: ${error instanceof Error ? error.message : error}`,
    );
  }
}
