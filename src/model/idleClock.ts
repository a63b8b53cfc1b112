import type { Row, StoredRow } from "../schema.js";
import type { ViewDefinition } from "./definition.js";

/*
 * The idle clock deletes rows that no reader asks for, in views with `evictAfter`.
 *
 *   asked for → half of evictAfter → idle → half of evictAfter → deleted
 *                                    └→ a reader asks: taken back, and idle again one evictAfter later at the earliest
 *
 * So a row that is watched is written twice in `evictAfter`. A row without readers is deleted after 1.5 times as long
 * at most.
 */

/** The times of a row from which the time of its next sweep follows. */
export type Times = Pick<StoredRow, "_creationTime" | "computedAt"> & {
  [Field in "pendingUntil" | "askedAt" | "idleAt"]?: number | undefined;
};

/**
 * The new `askedAt` of a row that a reader asks for. It is at least `idleAt`, even if this server's clock is behind.
 */
export const askedNow = (row: Pick<Row, "idleAt"> | null, now: number): number => Math.max(now, row?.idleAt ?? 0);

/** Whether no reader has asked for a row since it became idle. It needs no clock, so that queries can ask. */
export function isIdle({ evictAfterMs }: ViewDefinition, { idleAt = 0, askedAt = 0 }: Partial<Times>): boolean {
  return evictAfterMs !== undefined && askedAt < idleAt;
}

/** When a row becomes idle or, if it is idle, when it is deleted. Undefined in a view without `evictAfter`. */
export function idleTimeEndsAt(view: ViewDefinition, row: Times): number | undefined {
  const { evictAfterMs } = view;
  if (evictAfterMs === undefined) return undefined;
  const { idleAt = 0, askedAt = row._creationTime } = row;
  return isIdle(view, row) ? idleAt + evictAfterMs / 2 : Math.max(askedAt + evictAfterMs / 2, idleAt + evictAfterMs);
}

/** Whether it is time for a row to become idle or, if it is idle, to be deleted. */
export function isIdleTimeOver(view: ViewDefinition, row: Times, time: number): boolean {
  return (idleTimeEndsAt(view, row) ?? Number.POSITIVE_INFINITY) <= time;
}
