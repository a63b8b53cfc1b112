import type { Change } from "../../../examples/backend/readSet";
import type { Ended } from "../engine/backend.js";
import type { LogEvent } from "../engine/logStream.js";
import type { Loop } from "../engine/loop.js";
import type { Commit } from "../engine/store.js";
import { JOBS, type Job } from "../engine/syscalls.js";
import { PART_TABLES } from "../trackedViews.js";
import { asRow, type Row } from "../truth.js";
import { OLDEST_SNAPSHOT_MS } from "../weather.js";
import { must } from "./violation.js";

/** Times that the documentation names. */
const FIRST_LOOK_BACK_MS = 60_000;
const LOOK_BACK_MS = 3_600_000;
const CLOSING_MS = 5_000;
/** Readers that a change makes run again raise their effects within this time. */
const WAKE_MS = 4_000;
/** Within this time a tail has dispatched the effects that it was woken for, even if some requests failed. */
const PATIENCE_MS = 150_000;

/** The fields of the document in `lazyTail` that are checked here. */
export interface TailDocument {
  number?: number;
  isClosing?: true;
  wrappedAt?: number;
  problem?: { retryAt: number; attempts: number };
}

/** What a tail reports. */
type Report = { becomes?: string; problem?: string };

/** The arguments of one of the library's functions. */
export type Asked = {
  job?: { kind?: string; number?: number; isForced?: true } & Report;
  tailed?: Report;
};

/** An event that has a tail read the log, and until when a tail must read after it. */
interface Wake {
  at: number;
  until: number;
}

/**
 * The effects that readers raise after a wake, or that the heartbeat finds in the log, are dispatched. The exceptions:
 * the log has dropped them, a tail has died or could not be started since, or the log could not be read.
 */
export class Wakes {
  private readonly wakes: Wake[] = [];
  private readonly writtenAt = new WeakMap<object, number>();
  /** When the first tail started. */
  private firstAt = Number.POSITIVE_INFINITY;
  /** When the last tail began to close; null when it does not close. */
  private closesSince: number | null = null;
  /** When a tail last died, could not be started, or could not go on, plus the age of the oldest snapshot. */
  troubleAt = Number.NEGATIVE_INFINITY;
  /** When a call of a tail last failed, and whether no tail has reported since. */
  failedAt = Number.NEGATIVE_INFINITY;
  private isOpen = false;
  /** When a tail last went on after a failed call: it had tried effects one by one, and some may be lost. */
  private wentOnAt = Number.NEGATIVE_INFINITY;

  /** @param document - The document of the last tail. */
  constructor(
    private readonly loop: Loop,
    private readonly document: () => TailDocument,
  ) {}

  /** When a reader last raised something, or was woken. */
  lastAt = Number.NEGATIVE_INFINITY;

  onLines(events: readonly LogEvent[]): void {
    for (const event of events) this.writtenAt.set(event, this.loop.now);
    if (events.length > 0) this.lastAt = this.loop.now;
  }

  onFailedCall(): void {
    this.failedAt = this.loop.now;
    this.isOpen = true;
  }

  onEnd({ path, args, result }: Ended<unknown>): void {
    if ("error" in result) return;
    const { job, tailed } = args as Asked;
    const report = tailed ?? (job?.kind === "tailed" ? job : undefined);
    if (report !== undefined && this.isOpen) {
      this.isOpen = false;
      if (report.problem === undefined) this.wentOnAt = this.failedAt;
    }
    if (path === "lazy:sweep" && job?.kind === "tail" && (job.isForced || !this.isBlocked)) this.add();
  }

  onCommit({ changes }: Commit): void {
    for (const change of changes) {
      if (change.table === JOBS) this.onJob(change.after as unknown as Job | null);
      else if (change.table === "lazyTail") this.onTail(change);
      else if (wakesReaders(change) && !this.isBlocked) {
        // A snapshot may be too old to show that a tail closes, and then no other tail is started.
        this.add(this.closesSince === null ? undefined : this.closesSince + CLOSING_MS);
      }
    }
  }

  private onJob(job: Job | null): void {
    if (job?.state.kind !== "failed") return;
    const { kind } = (job.args[0] as Asked).job ?? {};
    const isOurs = job.name === "lazy:tail" || (job.name === "lazy:sweep" && kind === "tail");
    // Older snapshots show the tail as alive.
    if (isOurs) this.troubleAt = this.loop.now + OLDEST_SNAPSHOT_MS;
  }

  private onTail({ before, after }: Change): void {
    const { now } = this.loop;
    if (before === null) this.firstAt = now;
    const [old, next] = [before as TailDocument | null, after as TailDocument | null];
    this.closesSince = next?.isClosing ? (this.closesSince ?? now) : null;
    // Entries that a tail could not read wait for the next tail. Older snapshots show a problem that is solved.
    if (next?.problem) this.troubleAt = Math.max(this.troubleAt, now);
    else if (old?.problem) this.troubleAt = now + OLDEST_SNAPSHOT_MS;
  }

  private add(until = Number.POSITIVE_INFINITY): void {
    this.lastAt = this.loop.now;
    this.wakes.push({ at: this.loop.now, until });
  }

  /** @param open - Lines in the log whose effects were not dispatched. */
  checkCalm(open: readonly object[]): void {
    for (const event of open) {
      const writtenAt = this.writtenAt.get(event) as number;
      const wake = this.wakes.find((each) => this.isOwed(writtenAt, each));
      must(wake === undefined, () => {
        return `Nothing came of an effect that was written at ${writtenAt}, though a tail was woken at ${wake?.at}.`;
      });
    }
  }

  private isOwed(writtenAt: number, { at, until }: Wake): boolean {
    const isRead = writtenAt <= at + WAKE_MS && writtenAt < until && writtenAt > at - LOOK_BACK_MS;
    const isLeft = writtenAt < this.firstAt - FIRST_LOOK_BACK_MS || writtenAt <= this.wentOnAt;
    return isRead && !isLeft && at > this.troubleAt && this.loop.now - Math.max(at, writtenAt) > PATIENCE_MS;
  }

  /** Whether the last tail has given up until later. */
  private get isBlocked(): boolean {
    return (this.document().problem?.retryAt ?? 0) > this.loop.now;
  }
}

/** Whether a change makes readers run again and raise effects, so that it must start a tail. */
function wakesReaders({ table, before, after }: Change): boolean {
  if (table === "lazyTags") return true;
  if (table !== "groups" && !(table in PART_TABLES)) return false;
  if (after === null) return true;
  const row = asRow(after);
  if (row.pendingUntil !== undefined) return false;
  if (before?.asOf !== row.asOf) return row.dirtyAt !== undefined;
  const old = asRow(before as NonNullable<typeof before>);
  const fields: (keyof Row)[] = ["dirtyAt", "nudgedAt", "idleAt", "pendingUntil"];
  return fields.some((field) => row[field] !== old[field]) || (row.expiresAt ?? 0) > (old.expiresAt ?? 0);
}
