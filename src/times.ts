/* Every time that the library sets by itself, with its reason. All are in ms; points in time are in ms since 1970. */

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

// ── The ledger ──
/** The window of an effect or view that names none: short for readers, long beside the seconds a log stream takes. */
export const DEFAULT_WINDOW_MS = 10 * SECOND;
/** How long the work of a key rests after its first failure; each further failure doubles it. */
export const FIRST_BACKOFF_MS = SECOND;
/** The longest rest: what an operator has repaired is tried again soon enough. */
export const MAX_BACKOFF_MS = 10 * MINUTE;
/** How long a failure can be read after its last attempt. */
export const FAILURE_RETENTION_MS = DAY;

// ── Rows ──
/** A mark older than this is set again by the next change, so that readers whose effect was lost ask once more. */
export const GRACE_MS = MINUTE;
/** The grace doubles with each mark, as the row may have no readers; but it never gets longer than this. */
export const LONGEST_GRACE_MS = HOUR;
/** How much longer than its window and timeout a recompute may take before its readers are believed to wait in vain. */
export const PATIENCE_MS = 2 * MINUTE;
/** The heartbeat looks at rows that a reader asked for in this time; others are left to their next reader. */
export const ASKED_LATELY_MS = HOUR;
/** The shortest age of `olderThan`, and the shortest span in which rows are swept together. */
export const MIN_AGE_MS = SECOND;
/** The shortest `evictAfter`. */
export const MIN_EVICTION_MS = MINUTE;

// ── Audits ──
/** How long a finding is remembered that no later audit of the row refutes: a long weekend. */
export const FINDING_RETENTION_MS = 3 * DAY;

// ── Runs ──
/** How long a run may take that names no `timeout`: what Convex allows an action. */
export const DEFAULT_TIMEOUT_MS = 10 * MINUTE;
/** When a run looks again that was given a snapshot from before its begin. */
export const RETRY_SNAPSHOT_MS = 250;

// ── Sweeps ──
/** When a sweep looks again that knows of due documents, but not yet which: its snapshot was too old. */
export const RETRY_SWEEP_MS = SECOND;
/** Entries of the ledger that expire in the same span are deleted together. */
export const LEDGER_SPAN_MS = 10 * MINUTE;

/** Documents that wait for this long are swept together in a span of a twentieth of it, a second to ten minutes. */
export function sweepSpan(waitMs: number): number {
  return Math.min(Math.max(waitMs / 20, MIN_AGE_MS), 10 * MINUTE);
}

// ── Transports ──
/** A delivery without a younger event is a replay, or of cached results: Convex gives one up after some seven minutes. */
export const MAX_EVENT_AGE_MS = 15 * MINUTE;
/** What a client forwards later than this, other than recomputes, is a replay. */
export const MAX_FORWARD_AGE_MS = HOUR;
/** A sender's clock may run ahead by this much. */
export const MAX_CLOCK_SKEW_MS = 5 * MINUTE;
/** How long a canary may be on its way: the stream delivers after 5 s, and some seconds later when it fails. */
export const CANARY_PATIENCE_MS = MINUTE;
/** How long a tail reads on after the last effect, where the app does not say: most writes have others near them. */
export const DEFAULT_LINGER_MS = 10 * SECOND;
/** How long a closing tail reads on: in that time, mutations that saw it read commit, and their subscribers run. */
export const CLOSING_MS = 5 * SECOND;
/** A tail hands over to another one: Convex ends an action after ten minutes, and a poll may take one minute. */
export const MAX_TAIL_MS = 8 * MINUTE;
/** The pause between two polls of a tail, so that it reads many entries of a busy log at once. */
export const POLL_PAUSE_MS = 250;
/** How far back the first tail of a deployment reads; later ones go on where the last one stopped. */
export const FIRST_LOOK_BACK_MS = MINUTE;
/** How often at most a write that makes no row stale starts a tail, for effects of rows that do not exist yet. */
export const UNURGENT_TAIL_MS = 5 * MINUTE;
/** How long `inspect` reports that the log forgot entries between two polls. */
export const WRAP_RETENTION_MS = HOUR;
/** The route notes topics that loop once in this time, however many requests there are. */
export const NOTE_INTERVAL_MS = MINUTE;
