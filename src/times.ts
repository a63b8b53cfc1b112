/* The times that the library itself sets, each with its reason. All are in ms; points in time are in ms since 1970. */

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

// ── The ledger ──
/** The default window of effects and views: short for readers, and longer than the 5 s that a log stream takes. */
export const DEFAULT_WINDOW_MS = 10 * SECOND;
/** The backoff after the first failure of a key; each further failure doubles it. */
export const FIRST_BACKOFF_MS = SECOND;
/** The longest backoff, so that work is tried again soon after its fault was repaired. */
export const MAX_BACKOFF_MS = 10 * MINUTE;
/** How long `inspect` can show a failure after its last attempt. */
export const FAILURE_RETENTION_MS = DAY;

// ── Rows ──
/** The next change sets a mark again that is older than this, so that readers whose effect was lost ask once more. */
export const GRACE_MS = MINUTE;
/** The grace doubles each time, since the row may have no readers, up to this. */
export const LONGEST_GRACE_MS = HOUR;
/**
 * A recompute that takes longer than its window, its timeout and this is considered lost: its readers may ask again.
 */
export const PATIENCE_MS = 2 * MINUTE;
/** The heartbeat looks at rows that a reader asked for in this time. Other rows wait for their next reader. */
export const ASKED_LATELY_MS = HOUR;
/** The shortest age of `olderThan`, and the shortest span whose rows one sweep handles together. */
export const MIN_AGE_MS = SECOND;
/** The shortest `evictAfter`. */
export const MIN_EVICTION_MS = MINUTE;

// ── Audits ──
/** How long a finding stays if no later audit finds the row right: a long weekend. */
export const FINDING_RETENTION_MS = 3 * DAY;

// ── Runs ──
/** The default `timeout` of a run: what Convex allows an action. */
export const DEFAULT_TIMEOUT_MS = 10 * MINUTE;
/** The pause before a run tries again, when its snapshot was from before its start. */
export const RETRY_SNAPSHOT_MS = 250;

// ── Sweeps ──
/** The pause before a sweep tries again, when its snapshot was too old to show the documents that are due. */
export const RETRY_SWEEP_MS = SECOND;
/** One sweep deletes the entries of the ledger that expire in the same span of this length. */
export const LEDGER_SPAN_MS = 10 * MINUTE;

/**
 * The span whose documents one sweep handles together, when they wait for this long: a twentieth of it, from a second
 * to ten minutes.
 */
export function sweepSpan(waitMs: number): number {
  return Math.min(Math.max(waitMs / 20, MIN_AGE_MS), 10 * MINUTE);
}

// ── Transports ──
/**
 * A delivery whose events are all older is a replay, or comes from cached results: Convex gives up a delivery after
 * some seven minutes.
 */
export const MAX_EVENT_AGE_MS = 15 * MINUTE;
/** An effect that a client forwards later than this counts as a replay, unless it is a recompute. */
export const MAX_FORWARD_AGE_MS = HOUR;
/** The clock of a sender may be this far ahead. */
export const MAX_CLOCK_SKEW_MS = 5 * MINUTE;
/** How long a canary may take: the stream delivers after 5 s, and some seconds later when a delivery fails. */
export const CANARY_PATIENCE_MS = MINUTE;
/** How long a tail reads on after the last effect, by default: most writes are followed by others. */
export const DEFAULT_LINGER_MS = 10 * SECOND;
/** How long a closing tail reads on: in this time, mutations that saw it read commit, and their subscribers run. */
export const CLOSING_MS = 5 * SECOND;
/** After this, a tail hands over to another one: Convex ends an action after ten minutes, and a poll may take one. */
export const MAX_TAIL_MS = 8 * MINUTE;
/** The pause between two polls of a tail, so that it reads many entries of a busy log at once. */
export const POLL_PAUSE_MS = 250;
/** How far back the first tail of a deployment reads. Later ones start where the last one stopped. */
export const FIRST_LOOK_BACK_MS = MINUTE;
/**
 * A write that makes no row stale starts a tail at most once in this time, for effects of rows that do not exist yet.
 */
export const UNURGENT_TAIL_MS = 5 * MINUTE;
/** How long `inspect` reports that the log forgot entries between two polls. */
export const WRAP_RETENTION_MS = HOUR;
/** The route notes topics that loop at most once in this time, however many requests come. */
export const NOTE_INTERVAL_MS = MINUTE;
