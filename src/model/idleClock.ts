import type { Row, StoredRow } from "../schema.js";
import type { ViewDefinition } from "./definition.js";

/*
 * The idle clock, in views with `evictAfter`: rows that no reader asks for go.
 *
 *   asked for → half of evictAfter → idle → half of evictAfter → deleted
 *                                    └→ a reader asks: taken back, and idle again one evictAfter later at the earliest
 *
 * So a row that is watched is written twice in `evictAfter`, and one whose readers have gone stays 1.5 times as long.
 */

/** The times of a row that say when a sweep looks at it. */
export type Times = Pick<StoredRow, "_creationTime" | "computedAt"> & {
  [Field in "pendingUntil" | "askedAt" | "idleAt"]?: number | undefined;
};

/** The `askedAt` of a row that a reader asks for now: at least `idleAt`, even when this server's clock is behind. */
export const askedNow = (row: Pick<Row, "idleAt"> | null, now: number): number => Math.max(now, row?.idleAt ?? 0);

/** Whether no reader has asked for a row since the idle clock ran down. Told without a clock, for queries. */
export function isIdle({ evictAfterMs }: ViewDefinition, { idleAt = 0, askedAt = 0 }: Partial<Times>): boolean {
  return evictAfterMs !== undefined && askedAt < idleAt;
}

/** When a row becomes idle; or, when it is idle, when it goes. Undefined in a view without `evictAfter`. */
export function idleTimeEndsAt(view: ViewDefinition, row: Times): number | undefined {
  const { evictAfterMs } = view;
  if (evictAfterMs === undefined) return undefined;
  const { idleAt = 0, askedAt = row._creationTime } = row;
  return isIdle(view, row) ? idleAt + evictAfterMs / 2 : Math.max(askedAt + evictAfterMs / 2, idleAt + evictAfterMs);
}

/** Whether it is time that a row becomes idle, or that it goes when it is. */
export function isIdleTimeOver(view: ViewDefinition, row: Times, time: number): boolean {
  return (idleTimeEndsAt(view, row) ?? Number.POSITIVE_INFINITY) <= time;
}
