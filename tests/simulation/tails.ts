import { type JSONValue, jsonToConvex } from "convex/values";
import type { LogLine } from "../../examples/backend/console";
import type { Caller, Ended } from "./engine/backend.js";
import { FunctionLog, LOG_ENTRIES, type LogAnswer } from "./engine/functionLog.js";
import type { LogEvent } from "./engine/logStream.js";
import type { Loop } from "./engine/loop.js";
import type { Commit, Store } from "./engine/store.js";
import type { History } from "./history.js";
import { must } from "./invariants/violation.js";
import { type Asked, type TailDocument, Wakes } from "./invariants/wakes.js";
import type { ChosenWeather } from "./weather.js";

const LOG_KEY = "the key that may view logs";
const LOG_URL = "https://simulation.convex.cloud";
/** Tails hand over after this time in the simulation, so that histories reach it. */
const HASTY_MS = 12_000;

/** Times that the documentation names. */
const LINGER_MS = 10_000;
const PAUSE_MS = 250;
const BACKOFF_MS = 600_000;
const MAX_ATTEMPTS = 8;
/** A tail whose report of its end failed still waits for its open request, at most for this time. */
const LONGEST_POLL_MS = 60_000;
/** How much longer a tail may run: others take their turns, and a request may be late. */
const SLACK_MS = 15_000;
/** A tail that reads, one that closes or hands over, and one whose last request is late. */
const MOST_AT_ONCE = 3;
/** How often other functions of a busy app run. */
const BUSY_MS = 2_000;

/** The requests of a tail. */
interface Requests {
  /** When the last one was answered. */
  answeredAt: number;
  /** When a request found that the log had dropped entries since the request before; null if none did. */
  gapAt: number | null;
}

/**
 * The tails of a history, with the log that they read, and their invariants, beside those of `Wakes`:
 * - A tail ends when nothing happens any more, and hands over before the time of an action is over. Few run at once.
 * - It pauses between requests, writes nothing to the console, and leaves no request open.
 * - It reports when the log dropped entries between two requests.
 * - A refused key is tried again after ten minutes, or by the heartbeat; a lost connection is tried again soon.
 */
export class Tails {
  readonly log: FunctionLog;
  readonly wakes: Wakes;
  /** Number of a running tail → when it started. */
  private readonly running = new Map<number, number>();
  private readonly requests = new WeakMap<Caller, Requests>();
  private requestedAt: number[] = [];
  private refusedAt: number[] = [];
  /** Whether the last request failed for a passing reason. */
  private isPassing = false;

  constructor(
    { logEntries = LOG_ENTRIES, isBusy }: History,
    private readonly loop: Loop,
    private readonly store: Store,
    weather: ChosenWeather,
    check: (work: () => void) => void,
  ) {
    this.wakes = new Wakes(loop, () => this.document);
    this.log = new FunctionLog(loop, LOG_KEY, logEntries, {
      fate: () => {
        check(() => this.onRequest());
        return weather.requestFate();
      },
      onAnswer: (answer) => check(() => this.onAnswer(answer)),
    });
    weather.onFailedCall = () => {
      this.wakes.onFailedCall();
      this.refusedAt = []; // When a tail cannot report the refusal, the next tail may try again.
    };
    if (isBusy) this.runOthers();
  }

  /** The environment variables of a deployment that has a key for its log. */
  static env({ logEntries = LOG_ENTRIES }: History): Record<string, string> {
    return {
      LAZY_VIEWS_LOG_KEY: LOG_KEY,
      CONVEX_CLOUD_URL: LOG_URL,
      LOG_ENTRIES: String(logEntries),
      HASTY_MS: String(HASTY_MS),
    };
  }

  /** Keeps other functions of the app running. */
  private runOthers(): void {
    this.log.write({ udfType: "Query", path: "app:other", lines: [] });
    this.loop.at(this.loop.now + BUSY_MS, () => this.runOthers());
  }

  onQuery(path: string, events: readonly LogEvent[]): void {
    this.wakes.onLines(events);
    const lines = events.map(({ line }) => line);
    this.log.write({ udfType: "Query", path, lines, cached: events[0]?.cached ?? false, events });
  }

  /** A mutation has ended, or an attempt at it that had a conflict. */
  onMutation(path: string, lines: readonly LogLine[]): void {
    this.log.write({ udfType: "Mutation", path, lines });
  }

  onEnd(ended: Ended<unknown>): void {
    this.wakes.onEnd(ended);
    const { job } = ended.args as Asked;
    if (job?.isForced) this.refusedAt = [];
    const isHandedOver = job?.becomes !== "handsOver" || this.document.number !== job.number;
    must("error" in ended.result || isHandedOver, () => `Tail ${job?.number} hands over to no other.`);
  }

  onCommit(commit: Commit): void {
    this.wakes.onCommit(commit);
  }

  onAction(path: string, args: JSONValue): void {
    const { job } = jsonToConvex(args) as Asked;
    if (path !== "lazy:tail" || job?.kind !== "read") return;
    this.running.set(job.number as number, this.loop.now);
    must(this.running.size <= MOST_AT_ONCE, () => `${this.running.size} tails run at once.`);
  }

  onActionEnd(caller: Caller, args: JSONValue): void {
    const { path, lines, isDead } = caller;
    this.log.write({ udfType: "Action", path, lines });
    const { number = 0 } = (jsonToConvex(args) as Asked).job ?? {};
    const startedAt = this.running.get(number);
    if (path !== "lazy:tail" || startedAt === undefined) return;
    this.running.delete(number);
    must(lines.length === 0, () => `The tail wrote to the console: ${lines[0]?.message}`);
    const lasted = this.loop.now - startedAt;
    must(lasted <= HASTY_MS + SLACK_MS + this.waitSince(startedAt), () => `A tail ran for ${lasted} ms.`);
    const { gapAt = null, answeredAt = 0 } = this.requests.get(caller) ?? {};
    const { wrappedAt = 0 } = this.document;
    // A tail does not report what its last request found, and cannot report when its calls fail.
    const isSilent = isDead || gapAt === answeredAt || this.wakes.failedAt >= startedAt;
    must(
      isSilent || gapAt === null || wrappedAt >= gapAt,
      () => `The log forgot entries at ${gapAt}, and the tail says it did at ${wrappedAt}.`,
    );
  }

  private onRequest(): void {
    const { now } = this.loop;
    this.requestedAt = [...this.requestedAt.filter((time) => now - time < PAUSE_MS), now];
    const { length } = this.requestedAt;
    must(length <= MOST_AT_ONCE + 1, () => `Tails have read the log ${length} times in ${PAUSE_MS} ms.`);
  }

  private onAnswer({ status, isIncomplete, caller }: LogAnswer): void {
    const { now } = this.loop;
    this.isPassing = status === null || status === 503;
    const known = this.requests.get(caller);
    // The first request also finds entries from before this tail read.
    const gapAt = known && isIncomplete ? now : (known?.gapAt ?? null);
    this.requests.set(caller, { answeredAt: now, gapAt });
    if (status !== 401 && status !== 403) return;
    this.refusedAt = [...this.refusedAt.filter((time) => now - time < BACKOFF_MS - SLACK_MS), now];
    const { length } = this.refusedAt;
    must(length <= MOST_AT_ONCE, () => `A key that is refused was tried ${length} times.`);
  }

  /**
   * When nothing happens any more, no tail runs, none has yet to try again, and all effects are dispatched.
   *
   * @param open - Lines with effects that were not dispatched.
   */
  checkCalm(open: readonly object[]): void {
    const { now } = this.loop;
    const { lastAt, troubleAt } = this.wakes;
    const isIdle = now - lastAt > LINGER_MS + SLACK_MS + this.waitSince(lastAt);
    must(!isIdle || this.running.size === 0, () => `A tail still runs ${now - lastAt} ms after the last effect.`);
    const { retryAt = now, attempts = 0 } = this.document.problem ?? {};
    const isTried = now - retryAt < SLACK_MS || attempts >= MAX_ATTEMPTS || troubleAt >= retryAt;
    must(isTried || !this.isPassing, () => `A tail was to read again at ${retryAt}, and did not.`);
    const held = this.log.held();
    this.wakes.checkCalm(open.filter((event) => held.has(event as LogEvent)));
  }

  /** Whether the log has dropped some of the lines. */
  hasForgotten(lines: readonly object[]): boolean {
    const held = this.log.held();
    return lines.some((event) => !held.has(event as LogEvent));
  }

  /** How long a tail may wait for its request, in ms, if one of its calls has failed since `time`. */
  private waitSince(time: number): number {
    return this.wakes.failedAt >= time ? LONGEST_POLL_MS : 0;
  }

  private get document(): TailDocument {
    const [found] = this.store.scan("lazyTail", this.store.latest);
    return (found?.document ?? {}) as unknown as TailDocument;
  }
}
