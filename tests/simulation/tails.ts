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
/** Tails hand over after this time here, so that histories come to it. */
const HASTY_MS = 12_000;

/** The library's own promises, in numbers of its documentation. */
const LINGER_MS = 10_000;
const PAUSE_MS = 250;
const BACKOFF_MS = 600_000;
const MAX_ATTEMPTS = 8;
/** A tail that could not say that it ends waits for its request: nothing wakes that. */
const LONGEST_POLL_MS = 60_000;
/** What a tail may take beyond its time: turns of others, and a request that is late. */
const SLACK_MS = 15_000;
/** One that reads; one that closes or hands over; and one whose last request is late. */
const MOST_AT_ONCE = 3;
/** How often other functions of a busy app run. */
const BUSY_MS = 2_000;

/** What is known of the requests of a tail. */
interface Requests {
  /** When the last one was answered. */
  answeredAt: number;
  /** When the log had forgotten entries since the one before. */
  gapAt: number | null;
}

/**
 * The tails of a history, with the log that they read, and what must hold of them beside what `Wakes` says:
 * - A tail ends when nothing happens any more, and hands over before the time of an action is over. Few run at once.
 * - It pauses between requests, writes nothing to the console, and leaves no request behind.
 * - It says when the log forgot entries between two requests.
 * - A key that is refused is tried again after ten minutes, or by the heartbeat; a connection that was lost, soon.
 */
export class Tails {
  readonly log: FunctionLog;
  readonly wakes: Wakes;
  /** When each tail that runs has started, by their numbers. */
  private readonly running = new Map<number, number>();
  private readonly requests = new WeakMap<Caller, Requests>();
  private requestedAt: number[] = [];
  private refusedAt: number[] = [];
  /** Whether the last request failed because of what soon passes. */
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
      this.refusedAt = []; // A tail that cannot say so lets others try again.
    };
    if (isBusy) this.runOthers();
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

  /** Other functions of the app run. */
  private runOthers(): void {
    this.log.write({ udfType: "Query", path: "app:other", lines: [] });
    this.loop.at(this.loop.now + BUSY_MS, () => this.runOthers());
  }

  onQuery(path: string, events: readonly LogEvent[]): void {
    this.wakes.onLines(events);
    const lines = events.map(({ line }) => line);
    this.log.write({ udfType: "Query", path, lines, cached: events[0]?.cached ?? false, events });
  }

  /** A mutation has ended, or an attempt of it that is run again. */
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
    // After its last request it says nothing any more.
    const isKnown = isDead || gapAt === null || gapAt === answeredAt || wrappedAt >= gapAt;
    must(isKnown, () => `The log forgot entries at ${gapAt}, and the tail says it did at ${wrappedAt}.`);
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
    // The first one also finds what came while no tail was reading.
    const gapAt = known && isIncomplete ? now : (known?.gapAt ?? null);
    this.requests.set(caller, { answeredAt: now, gapAt });
    if (status !== 401 && status !== 403) return;
    this.refusedAt = [...this.refusedAt.filter((time) => now - time < BACKOFF_MS - SLACK_MS), now];
    const { length } = this.refusedAt;
    must(length <= MOST_AT_ONCE, () => `A key that is refused was tried ${length} times.`);
  }

  /**
   * Nothing happens any more: no tail runs, none is left that was to try again, and effects are dispatched.
   *
   * @param open - Lines with effects that were not.
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

  /** Whether the log has forgotten some lines. */
  hasForgotten(lines: readonly object[]): boolean {
    const held = this.log.held();
    return lines.some((event) => !held.has(event as LogEvent));
  }

  /** How long a tail may wait for its request, in ms, one of whose calls has failed since a time. */
  private waitSince(time: number): number {
    return this.wakes.failedAt >= time ? LONGEST_POLL_MS : 0;
  }

  private get document(): TailDocument {
    const [found] = this.store.scan("lazyTail", this.store.latest);
    return (found?.document ?? {}) as unknown as TailDocument;
  }
}
