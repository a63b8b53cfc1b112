import { type Sweep, sweepTime } from "../effects/sweep.js";
import type { ViewDefinition } from "../model/definition.js";
import type { AnyQueryCtx, Row, StoredRow } from "../schema.js";
import { DAY } from "../times.js";
import { judgeForReader } from "./judge.js";
import { hasReached } from "./predicates.js";

/**
 * The next scan of a view with `evictAfter` that comes after a time: its table is looked through twice in the time that
 * stale rows may stay, and at least once a day.
 */
export function scanAfter({ name }: ViewDefinition, time: number, evictAfterMs: number): Sweep {
  return { kind: "evict", table: name, sweepAt: sweepTime(time, Math.min(evictAfterMs / 2, DAY)) };
}

/**
 * What becomes of a row.
 *
 * - It is fresh, or has been stale for less than `evictAfter` → `keep`.
 * - It is stale by a tag, a probe or its version, which have no time → `mark`: it counts as stale from now on.
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

/** When a row was marked, or else reached the greatest of its ages so far; undefined when it did neither. */
export function staleSince({ staleWhen }: ViewDefinition, row: Row, now: number): number | undefined {
  const reached = staleWhen.ages.filter((age) => hasReached(row, age) && row.computedAt + age <= now);
  const greatest = Math.max(0, ...reached);
  return row.dirtyAt ?? (greatest > 0 ? row.computedAt + greatest : undefined);
}
