import { type JSONValue, jsonToConvex } from "convex/values";
import type { LogLine } from "../../examples/backend/console";
import type { Change } from "../../examples/backend/readSet";
import type { Ended } from "./engine/backend.js";
import { FunctionLog, LOG_ENTRIES, type LogAnswer } from "./engine/functionLog.js";
import type { LogEvent } from "./engine/logStream.js";
import type { Loop } from "./engine/loop.js";
import type { Commit, Store } from "./engine/store.js";
import { JOBS, type Job } from "./engine/syscalls.js";
import type { History } from "./history.js";
import { must } from "./invariants/violation.js";
import { PART_TABLES } from "./trackedViews.js";
import { asRow, type Row } from "./truth.js";
import { type ChosenWeather, OLDEST_SNAPSHOT_MS } from "./weather.js";

const LOG_KEY = "the key that may view logs";
const LOG_URL = "https://simulation.convex.cloud";
/** Tails hand over after this time here, so that histories come to it. */
const HASTY_MS = 12_000;

/** The library's own promises, in numbers of its documentation. */
const LINGER_MS = 10_000;
const FIRST_LOOK_BACK_MS = 60_000;
const LOOK_BACK_MS = 3_600_000;
const BACKOFF_MS = 600_000;
const CLOSING_MS = 5_000;
/** A tail that could not say that it ends waits for its request: nothing wakes that. */
const LONGEST_POLL_MS = 60_000;
const MAX_ATTEMPTS = 8;
/** Readers that were woken raise their effects within this time. */
const WAKE_MS = 4_000;
/** What a tail may take beyond its time: turns of others, and a request that is late. */
const SLACK_MS = 15_000;
/** Until then, what a tail was woken for has been dispatched, also after some requests that failed. */
const PATIENCE_MS = 150_000;
/** One that reads; one that closes or hands over; and one whose last request is late. */
const MOST_AT_ONCE = 3;
const PAUSE_MS = 250;
/** How often other functions of a busy app run. */
const BUSY_MS = 2_000;

/** The document of the table `lazyTail`, as far as it is looked at here. */
interface TailDocument {
  isClosing?: true;
  wrappedAt?: number;
  problem?: { retryAt: number; attempts: number };
}

/** What a function of the library is asked to do. */
type Asked = { job?: { kind?: string; number?: number; cursor?: number; isForced?: true }; tailed?: object };

/** A tail that runs. */
interface Running {
  startedAt: number;
  cursor: number;
}

/**
 * The tails of a history, with the log that they read:
 * - What readers raise when they are woken is dispatched, and what the heartbeat finds in the log; unless the log has
 *   forgotten it, a tail has died, or its key is refused.
 * - A tail ends when nothing happens any more, and before the time of an action is over. Few run at once.
 * - It writes nothing to the console, leaves no request behind, and says when the log forgot entries between two.
 * - A key that is refused is tried again after ten minutes, or by the heartbeat.
 */
export class Tails {
  readonly log: FunctionLog;
  private readonly running = new Map<number, Running>();
  private readonly writtenAt = new WeakMap<object, number>();
  private lastLineAt = 0;
  /**
   * When something has had a tail read what readers raise; and until when one surely reads. A snapshot may be too old to
   * show that a tail closes, so what wakes readers then starts no other.
   */
  private readonly wakes: { at: number; until: number }[] = [];
  /** Since when the last tail closes. */
  private closesSince: number | null = null;
  /** When a tail last died, or could not be started, as far as any snapshot shows. */
  private troubleAt = Number.NEGATIVE_INFINITY;
  /** When the log last forgot entries between two requests of a tail. */
  private gapAt: number | null = null;
  private answeredAt = 0;
  /** When a call of a tail has failed last, and whether it has not given up since. */
  private failedAt = 0;
  private isFailing = false;
  /** When a tail last went on after that: of what it had tried to dispatch one by one, some may be lost. */
  private wentOnAt = 0;
  private refusedAt: number[] = [];
  private requestedAt: number[] = [];
  /** When the first tail started. */
  private firstAt = Number.POSITIVE_INFINITY;
  /** Whether the last request failed because of what soon passes. */
  private isPassing = false;

  constructor(
    { logEntries = LOG_ENTRIES, isBusy }: History,
    private readonly loop: Loop,
    private readonly store: Store,
    weather: ChosenWeather,
    check: (work: () => void) => void,
  ) {
    this.log = new FunctionLog(loop, LOG_KEY, logEntries, {
      fate: () => {
        check(() => this.onRequest());
        return weather.requestFate();
      },
      onAnswer: (answer) => check(() => this.onAnswer(answer)),
    });
    weather.onFailedCall = () => {
      this.failedAt = loop.now;
      this.isFailing = true;
      this.refusedAt = []; // A tail that cannot say so lets others try again.
    };
    if (isBusy) this.runOthers();
  }

  /** Other functions of the app run. */
  private runOthers(): void {
    this.log.write({ udfType: "Query", path: "app:other", lines: [] });
    this.loop.at(this.loop.now + BUSY_MS, () => this.runOthers());
  }

  /** The variables of a deployment that has a key for its log. */
  static env({ logEntries = LOG_ENTRIES }: History): Record<string, string> {
    return {
      LAZY_VIEWS_LOG_KEY: LOG_KEY,
      CONVEX_CLOUD_URL: LOG_URL,
      LOG_ENTRIES: String(logEntries),
      HASTY_MS: String(HASTY_MS),
    };
  }

  onQuery(path: string, events: readonly LogEvent[]): void {
    const { now } = this.loop;
    for (const event of events) this.writtenAt.set(event, now);
    if (events.length > 0) this.lastLineAt = now;
    const lines = events.map(({ line }) => line);
    this.log.write({ udfType: "Query", path, lines, cached: events[0]?.cached ?? false, events });
  }

  /** A mutation has ended, or an attempt of it that is run again. */
  onMutation(path: string, lines: readonly LogLine[]): void {
    this.log.write({ udfType: "Mutation", path, lines });
  }

  onEnd({ path, args, result }: Ended<unknown>): void {
    const { job, tailed } = args as Asked;
    if (job?.kind === "tailed") this.isFailing = false;
    if (tailed !== undefined && this.isFailing && "value" in result) {
      this.isFailing = false;
      this.wentOnAt = this.loop.now;
    }
    if (path !== "lazy:sweep" || job?.kind !== "tail" || "error" in result) return;
    if (job.isForced) this.refusedAt = [];
    if (job.isForced || !this.isBlocked) this.wake(Number.POSITIVE_INFINITY);
  }

  onCommit({ changes }: Commit): void {
    for (const change of changes) {
      const { table, before, after } = change;
      if (table === JOBS) this.onJob(after as unknown as Job | null);
      else if (table === "lazyTail") {
        if (before === null) this.firstAt = this.loop.now;
        const [old, next] = [before as TailDocument | null, after as TailDocument | null];
        this.closesSince = next?.isClosing ? (this.closesSince ?? this.loop.now) : null;
        // What a tail could not read waits until another one starts. Older snapshots show a problem that is solved.
        if (next?.problem) this.troubleAt = Math.max(this.troubleAt, this.loop.now);
        else if (old?.problem) this.troubleAt = this.loop.now + OLDEST_SNAPSHOT_MS;
      } else if (wakesReaders(change) && !this.isBlocked) {
        this.wake(this.closesSince === null ? Number.POSITIVE_INFINITY : this.closesSince + CLOSING_MS);
      }
    }
  }

  private wake(until: number): void {
    this.wakes.push({ at: this.loop.now, until });
  }

  private onJob(job: Job | null): void {
    if (job?.state.kind !== "failed") return;
    const { kind } = (job.args[0] as Asked).job ?? {};
    const isOurs = job.name === "lazy:tail" || (job.name === "lazy:sweep" && kind === "tail");
    // Older snapshots show it as alive.
    if (isOurs) this.troubleAt = this.loop.now + OLDEST_SNAPSHOT_MS;
  }

  onAction(path: string, args: JSONValue): void {
    const { job } = jsonToConvex(args) as Asked;
    if (path !== "lazy:tail" || job?.kind !== "read") return;
    this.running.set(job.number as number, { startedAt: this.loop.now, cursor: job.cursor as number });
    must(this.running.size <= MOST_AT_ONCE, () => `${this.running.size} tails run at once.`);
  }

  onActionEnd(path: string, args: JSONValue, lines: readonly LogLine[], isDead: boolean): void {
    this.log.write({ udfType: "Action", path, lines });
    const { job } = jsonToConvex(args) as Asked;
    const tail = this.running.get(job?.number as number);
    if (path !== "lazy:tail" || tail === undefined) return;
    this.running.delete(job?.number as number);
    must(lines.length === 0, () => `The tail wrote to the console: ${lines[0]?.message}`);
    const lasted = this.loop.now - tail.startedAt;
    const mayWaitMs = this.failedAt >= tail.startedAt ? LONGEST_POLL_MS : 0;
    must(lasted <= HASTY_MS + SLACK_MS + mayWaitMs, () => `A tail ran for ${lasted} ms.`);
    const { wrappedAt = 0 } = this.document;
    // After its last request it says nothing any more.
    const isKnown = isDead || this.gapAt === null || this.gapAt === this.answeredAt || wrappedAt >= this.gapAt;
    must(isKnown, () => `The log forgot entries at ${this.gapAt}, and the tail says it did at ${wrappedAt}.`);
    this.gapAt = null;
  }

  private onRequest(): void {
    const { now } = this.loop;
    this.requestedAt = [...this.requestedAt.filter((time) => now - time < PAUSE_MS), now];
    const { length } = this.requestedAt;
    must(length <= MOST_AT_ONCE + 1, () => `Tails have read the log ${length} times in ${PAUSE_MS} ms.`);
  }

  private onAnswer({ status, cursor, isIncomplete }: LogAnswer): void {
    this.answeredAt = this.loop.now;
    const isFirst = [...this.running.values()].some((tail) => tail.cursor === cursor);
    if (isIncomplete && !isFirst) this.gapAt = this.loop.now;
    this.isPassing = status === null || status === 503;
    if (status !== 401 && status !== 403) return;
    const { now } = this.loop;
    this.refusedAt = [...this.refusedAt.filter((time) => now - time < BACKOFF_MS - SLACK_MS), now];
    must(
      this.refusedAt.length <= MOST_AT_ONCE,
      () => `A key that is refused was tried ${this.refusedAt.length} times.`,
    );
  }

  /** The deployment restarts. */
  restart(): void {
    this.log.restart();
    this.gapAt = null;
  }

  /**
   * Nothing happens any more: no tail runs, and what was woken for one has been dispatched.
   *
   * @param open - Lines with effects that were not dispatched.
   */
  checkCalm(open: readonly object[]): void {
    const { now } = this.loop;
    const since = Math.max(this.lastLineAt, this.wakes.at(-1)?.at ?? 0);
    const isIdle = now - since > LINGER_MS + SLACK_MS;
    must(!isIdle || this.running.size === 0, () => `A tail still runs ${now - since} ms after the last effect.`);
    const { retryAt = 0, attempts = 0 } = this.document.problem ?? {};
    const isRetried =
      !this.isPassing || attempts >= MAX_ATTEMPTS || now - retryAt < SLACK_MS || this.troubleAt >= retryAt;
    must(retryAt === 0 || isRetried, () => `A tail was to read again at ${retryAt}, and did not.`);
    const held = this.log.held();
    for (const event of open) {
      if (!held.has(event as LogEvent)) continue;
      const writtenAt = this.writtenAt.get(event) as number;
      const wake = this.wakes.find(({ at, until }) => writtenAt < until && this.isOwed(writtenAt, at));
      must(wake === undefined, () => {
        return `Nothing came of an effect that was written at ${writtenAt}, though a tail was woken at ${wake?.at}.`;
      });
    }
  }

  private isOwed(writtenAt: number, wake: number): boolean {
    const isSeen = wake >= writtenAt - WAKE_MS && wake - writtenAt < LOOK_BACK_MS;
    const isBefore = writtenAt < this.firstAt - FIRST_LOOK_BACK_MS || writtenAt <= this.wentOnAt;
    return isSeen && !isBefore && wake > this.troubleAt && this.loop.now - Math.max(wake, writtenAt) > PATIENCE_MS;
  }

  /** Whether the log has forgotten some lines. */
  hasForgotten(lines: readonly object[]): boolean {
    const held = this.log.held();
    return lines.some((event) => !held.has(event as LogEvent));
  }

  /** Whether the last tail has given up until later. */
  private get isBlocked(): boolean {
    return (this.document.problem?.retryAt ?? 0) > this.loop.now;
  }

  private get document(): TailDocument {
    const [found] = this.store.scan("lazyTail", this.store.latest);
    return (found?.document ?? {}) as unknown as TailDocument;
  }
}

/** Whether a change makes readers run that then raise an effect, so that it has to have a tail read what they raise. */
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
