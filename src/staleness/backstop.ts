import { isAhead } from "../effects/clock.js";
import type { Sweep } from "../effects/sweep.js";
import type { ViewDefinition } from "../views/definition.js";
import type { Refreshing, Row } from "../views/viewTable.js";

/*
 * The backstop: the effect of a reader may be lost, or a job may die.
 *
 * - The heartbeat looks at the rows that somebody asked for lately, and has those recomputed that are stale though
 *   nothing is on its way. The scan is a sweep of its own name, which no table can have.
 * - Where readers wait for a recompute, the row says when a sweep is to look: if it never came, they may ask again.
 */

const PREFIX = "backstop:";

/** So long after a row turned stale, the effect of a subscribed reader must have led to something. */
const PATIENCE_MS = 2 * 60_000;
/** A row that nobody has asked for in this time is left to its next reader. */
export const ASKED_LATELY_MS = 3_600_000;

export function backstopScan(view: string, now: number): Sweep {
  return { table: PREFIX + view, sweepAt: now };
}

export function isBackstop({ table }: Sweep): boolean {
  return table.startsWith(PREFIX);
}

/** The name of the view that a scan looks through. */
export function backedView({ table }: Sweep): string {
  return table.slice(PREFIX.length);
}

/**
 * Whether something should have come of a row by now, if it is stale: its readers have asked long ago, and what may be
 * on its way takes no longer than this.
 *
 * @param workedAt - When the run that recomputes it has last given a sign of life, in ms since 1970.
 */
export function isOverdue(view: ViewDefinition, row: Row, now: number, workedAt: number): boolean {
  const { dirtyAt, aged = 0, computedAt, pending, refreshing } = row;
  const isWaiting = pending === true || refreshing !== undefined;
  const since = refreshing === undefined ? (dirtyAt ?? computedAt + aged) : workedAt;
  const ms = isWaiting ? workMs(view, row) : PATIENCE_MS;
  return !isAhead(since + ms, now, ms);
}

/** When a run has begun, in ms since 1970. */
export function begunAt({ token }: Pick<Refreshing, "token">): number {
  return Number(token / 1_000_000n);
}

/** How long a recompute may be on its way. */
function workMs({ windowMs, timeoutMs }: ViewDefinition, { refreshing }: Pick<Row, "refreshing">) {
  return (refreshing === undefined ? windowMs : 0) + timeoutMs + PATIENCE_MS;
}

/**
 * When a sweep looks at a row whose readers wait for a recompute from now on, should it never come: what is written
 * together with that. Sweeps of its ages look at it too.
 */
export function lookField(
  view: ViewDefinition,
  row: Pick<Row, "refreshing"> & { expiresAt?: number | undefined },
  since: number,
): Pick<Row, "expiresAt"> {
  const hasAge = row.expiresAt !== undefined;
  // One without a time was committed before the view asked for ages, and counts as old; so it stays.
  if (!hasAge && view.staleWhen.ages.length > 0) return {};
  const lookAt = since + workMs(view, row);
  return { expiresAt: Math.min(row.expiresAt ?? Number.POSITIVE_INFINITY, lookAt) };
}
