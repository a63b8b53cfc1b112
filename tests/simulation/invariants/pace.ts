import type { Change } from "../../../examples/backend/readSet";
import { type Deployment, WINDOW_MS } from "../app.js";
import type { Ended } from "../engine/backend.js";
import type { Store } from "../engine/store.js";
import { isOfPart } from "../truth.js";
import { must } from "./violation.js";

/** The first backoff, from the documentation. */
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10 * 60_000;
const MAX_ATTEMPTS = 8;
/** Convex takes times of scheduled functions in seconds, and rounding shortens them. */
const ROUNDING_MS = 1;

type Outcome = "committed" | "begun" | "clean" | "overtaken" | "failed" | "queued";

/** The arguments of the recompute of a group. */
interface RecomputeArgs {
  job:
    | { kind: "attempt"; view?: string; args: { group: string }; start?: Start }
    | { kind: "commit" | "commitRun" | "step" | "started" | "finish" };
}

type Failure = { failedAt: number; attempts: number };

interface Start {
  windowEndsAt: number;
  isTrailing: boolean;
}

const NO_FAILURES = { failures: 0, failedAt: Number.NEGATIVE_INFINITY, isUsedUp: false };

/** The recomputes of a group so far. */
interface Pace {
  windowBegan: number;
  /** Failures in a row, and the time of the last one. */
  failures: number;
  failedAt: number;
  /** Whether they have used up the attempts, even if the ledger has forgotten them. */
  isUsedUp: boolean;
}

/**
 * When recomputes start:
 * - At most one starts in a window. A window begins when its job is dispatched; or when the job starts, if it was put off
 *   or starts only after its window.
 * - After a failure none starts before half of the backoff is over.
 *
 * A failure and its backoff are over when the ledger forgets the failure: a value or a page was committed, the row was
 * found fresh, or the app has refreshed or evicted it. That does not end the window.
 */
export class Paces {
  private readonly paces = new Map<string, Pace>();

  /** Whether failures have used up the attempts of a group: then only a reader starts another. */
  isUsedUp(group: string): boolean {
    return this.paces.get(group)?.isUsedUp ?? false;
  }

  /** Takes over failures that an older release has stored: their backoff and their attempts still count. */
  onUpgrade(store: Store): void {
    for (const { document } of store.scan("lazyEffects", store.latest)) {
      const group = groupOf(document);
      const failure = document.failure as Failure | undefined;
      if (group === undefined || failure === undefined) continue;
      const { failedAt, attempts } = failure;
      const isUsedUp = attempts >= MAX_ATTEMPTS;
      this.paces.set(group, { windowBegan: Number.NEGATIVE_INFINITY, failures: attempts, failedAt, isUsedUp });
    }
  }

  onEnd({ path, args, job, result, begunAt, commit }: Ended<Deployment>): void {
    if (path === "lazy:recompute" && job !== null && !("error" in result)) {
      this.onJob((args as unknown as RecomputeArgs).job, result.value as Outcome | null, begunAt);
    }
    for (const change of commit?.changes ?? []) {
      if (change.table === "lazyEffects") this.onEntry(change, begunAt);
    }
  }

  private onJob(job: RecomputeArgs["job"], outcome: Outcome | null, begunAt: number): void {
    // It did not start: it was canceled, gave way to another job, waits for its turn, or found the row clean.
    const isStart = outcome !== null && !["overtaken", "queued", "clean"].includes(outcome);
    if (job.kind !== "attempt" || !isStart || isOfPart(job)) return;
    const { windowEndsAt, isTrailing } = job.start ?? { windowEndsAt: 0, isTrailing: false };
    const isInWindow = !isTrailing && windowEndsAt > begunAt;
    this.start(job.args.group, isInWindow ? windowEndsAt - WINDOW_MS : begunAt, begunAt);
  }

  /** Reads failures from an entry of the ledger: of an attempt, of a run, or of a job that died. */
  private onEntry({ before, after }: Change, begunAt: number): void {
    const failedBefore = (before?.failure as Failure | undefined)?.failedAt;
    const { failedAt, attempts = 0 } = (after?.failure ?? {}) as Partial<Failure>;
    const group = groupOf(before ?? after);
    const pace = group === undefined ? undefined : this.paces.get(group);
    if (pace === undefined || failedAt === failedBefore) return;
    if (failedAt !== undefined) {
      // Earlier attempts may have been those of an older release.
      pace.failures = Math.max(pace.failures + 1, attempts);
      pace.failedAt = begunAt;
      pace.isUsedUp = pace.failures >= MAX_ATTEMPTS;
      return;
    }
    // An entry that is swept after a day is forgotten, but its failure is not over.
    const { isUsedUp } = after === null ? pace : NO_FAILURES;
    Object.assign(pace, NO_FAILURES, { isUsedUp });
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
}

/** The group of an entry of the ledger. */
function groupOf(entry: Change["after"]): string | undefined {
  return /"group":"([\w ]+)".*"view":"groups"/.exec(String(entry?.key))?.[1];
}
