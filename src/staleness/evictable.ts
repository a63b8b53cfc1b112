import { type Sweep, sweepTime } from "../effects/sweep.js";
import type { ViewDefinition } from "../model/definition.js";
import type { AnyQueryCtx, StoredRow } from "../schema.js";
import { DAY } from "../times.js";
import { staleSince } from "./age.js";
import { judgeForReader } from "./judge.js";

/*
 * Eviction: a view with `evictAfter` is looked through now and then, and rows that nobody has asked for since they
 * turned stale are deleted.
 */

/** The scan that comes when a row that is committed now could be evicted. */
export function evictionSweep(view: ViewDefinition, now: number): Sweep | null {
  const { evictAfterMs } = view;
  return evictAfterMs === undefined ? null : scanAfter(view, now + evictAfterMs, evictAfterMs);
}

/**
 * The next scan after a time. A view is looked through twice in the time that its stale rows may stay, and at least
 * once a day.
 */
export function scanAfter({ name }: ViewDefinition, time: number, evictAfterMs: number): Sweep {
  const sweepAt = sweepTime(time, Math.min(evictAfterMs / 2, DAY));
  return { kind: "evict", table: name, sweepAt };
}

/**
 * What becomes of a row.
 *
 * - It may be stale for as long as it is, or it is fresh → `keep`.
 * - It is stale, and nothing tells since when: a tag, a probe or a version says so → `mark`, and since now.
 * - Else `evict`.
 */
export async function judgeAge(
  ctx: AnyQueryCtx,
  view: ViewDefinition,
  row: StoredRow,
  now: number,
): Promise<"keep" | "mark" | "evict"> {
  if (view.evictAfterMs === undefined) return "keep";
  const since = staleSince(view, row, now);
  if (since !== undefined && since + view.evictAfterMs > now) return "keep";
  if ((await judgeForReader(ctx, view, row)) === "fresh") return "keep";
  return since === undefined ? "mark" : "evict";
}
