import { type Deployment, WINDOW_MS } from "../app.js";
import type { Ended } from "../engine/backend.js";
import type { Commit } from "../engine/store.js";
import { must } from "./violation.js";

/** The library's own promise, in numbers of its documentation. */
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10 * 60_000;
const MAX_ATTEMPTS = 8;
/** Times of scheduled functions pass through seconds, which takes fractions off them. */
const ROUNDING_MS = 1;

type Outcome = "committed" | "begun" | "clean" | "overtaken" | "failed" | "queued";

/** The arguments of the recompute of a group. `run` is there when it goes on with what was begun before. */
interface RecomputeArgs {
  args: { group: string };
  windowEndsAt?: number;
  run?: unknown;
}

const NO_FAILURES = { failures: 0, failedAt: Number.NEGATIVE_INFINITY, isUsedUp: false };

/** What is known of the recomputes of a group. */
interface Pace {
  windowBegan: number;
  /** Failures in a row, and when the last one was. */
  failures: number;
  failedAt: number;
  /** Whether they have used up its attempts, whatever the ledger still knows of them. */
  isUsedUp: boolean;
}

/**
 * When recomputes start:
 * - At most one starts in a window. It begins when the job was dispatched; for a job that was put off, or that starts
 *   only after its window, when it starts.
 * - After a failure none starts before half its backoff is over.
 *
 * A failure is over, with its backoff, when the ledger forgets it: a value or a page was committed, the row was found
 * fresh, or the app has refreshed or evicted it. That does not end the window.
 */
export class Paces {
  private readonly paces = new Map<string, Pace>();

  /** Whether the failures of a group have used up its attempts: then the next reader starts the next one. */
  isUsedUp(group: string): boolean {
    return this.paces.get(group)?.isUsedUp ?? false;
  }

  onEnd({ path, args, job, result, begunAt, commit }: Ended<Deployment>): void {
    if (commit !== null) this.release(commit);
    if (path !== "lazy:recompute" || "error" in result) return;
    const { args: key, windowEndsAt = 0, run } = args as unknown as RecomputeArgs;
    const { group } = key;
    const outcome = result.value as Outcome | null;
    // Canceled, left to another, or to wait for its turn.
    if (outcome === null || outcome === "overtaken" || outcome === "queued") return;
    const isStart = job !== null && run === undefined && outcome !== "clean";
    const windowBegan = windowEndsAt > begunAt ? windowEndsAt - WINDOW_MS : begunAt;
    if (isStart) this.start(group, windowBegan, begunAt);
    const pace = this.paces.get(group);
    if (pace === undefined || outcome !== "failed") return;
    pace.failures++;
    pace.failedAt = begunAt;
    pace.isUsedUp = pace.failures >= MAX_ATTEMPTS;
  }

  private start(group: string, windowBegan: number, begunAt: number): void {
    const last = this.paces.get(group);
    if (last !== undefined) this.check(group, last, begunAt);
    this.paces.set(group, {
      ...(last ?? NO_FAILURES),
      windowBegan: Math.max(windowBegan, last?.windowBegan ?? 0),
    });
  }

  private check(group: string, last: Pace, start: number): void {
    must(start - last.windowBegan >= WINDOW_MS - ROUNDING_MS, () => {
      const after = start - last.windowBegan;
      return `A recompute of ${group} started ${after} ms into the window of the one before.`;
    });
    if (last.failures === 0) return;
    const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** (last.failures - 1), MAX_BACKOFF_MS) / 2;
    must(start - last.failedAt >= backoff - ROUNDING_MS, () => {
      const after = start - last.failedAt;
      return `A recompute of ${group} started ${after} ms after failure ${last.failures} in a row.`;
    });
  }

  private release({ changes }: Commit): void {
    for (const { table, before, after } of changes) {
      if (table !== "lazyEffects" || before?.failure === undefined) continue;
      if (after?.failure !== undefined) continue;
      const group = /"group":"(\w+)"/.exec(String(before.key))?.[1];
      const pace = group === undefined ? undefined : this.paces.get(group);
      if (pace === undefined) continue;
      // What is swept after a day is forgotten, and not over.
      const { isUsedUp } = after === null ? pace : NO_FAILURES;
      Object.assign(pace, NO_FAILURES, { isUsedUp });
    }
  }
}
