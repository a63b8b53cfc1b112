import { type Sweep, sweepTime } from "../effects/sweep.js";
import type { ViewDefinition } from "../views/definition.js";
import type { Row } from "../views/viewTable.js";

/*
 * Eviction: a view with `evictAfter` is looked through now and then, and rows that nobody has asked for since they
 * turned stale are deleted. So is any view whose version has changed, for the rows that are not served any more, and one
 * that is not in the code any more. The scan is a sweep of its own name, which no table can have.
 */

const PREFIX = "evict:";
const DAY_MS = 24 * 3_600_000;

/** How long rows of another version stay, of a view that keeps its rows, in ms. */
export const OUTDATED_MS = DAY_MS;

/** Whether a row is of a version that is not served any more. */
export function isOutdated({ version, compatible }: ViewDefinition, row: Row): boolean {
  return row.version !== version && !compatible.includes(row.version);
}

/** How long a stale row may stay, in ms. */
export function keptMs(view: ViewDefinition, row: Row): number {
  const otherwise = isOutdated(view, row) ? OUTDATED_MS : Number.POSITIVE_INFINITY;
  return view.evictAfterMs ?? otherwise;
}

/** Since when a row is known to be stale, in ms since 1970. */
export function staleSince({
  dirtyAt,
  dirtySince = dirtyAt,
  aged,
  computedAt,
}: Row): number | undefined {
  return dirtySince ?? (aged === undefined ? undefined : computedAt + aged);
}

export function isEviction({ table }: Sweep): boolean {
  return table.startsWith(PREFIX);
}

/** The name of the view that a scan looks through. */
export function evictedView({ table }: Sweep): string {
  return table.slice(PREFIX.length);
}

/** The scan that comes when a row that is committed now could be evicted. */
export function evictionSweep(view: ViewDefinition, now: number): Sweep | null {
  const { name, evictAfterMs } = view;
  return evictAfterMs === undefined ? null : scanAfter(name, now + evictAfterMs, evictAfterMs);
}

/**
 * The next scan after a time. A view is looked through twice in the time that its stale rows may stay, and at least
 * once a day.
 */
export function scanAfter(name: string, time: number, evictAfterMs: number): Sweep {
  const sweepAt = sweepTime(time, Math.min(evictAfterMs / 2, DAY_MS));
  return { table: PREFIX + name, sweepAt };
}

/** A scan at once. */
export function scanNow(name: string, now: number): Sweep {
  return { table: PREFIX + name, sweepAt: now };
}
