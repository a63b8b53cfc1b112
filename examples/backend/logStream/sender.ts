import { createHmac } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { clearInterval, setImmediate, setInterval } from "node:timers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Trace } from "../trace";
import { type LogEvent, type LogTopic, verificationEvent } from "./events";

/** Where and how a log stream delivers. */
export interface LogStreamTarget {
  url: string;
  /** The key that bodies are signed with. */
  secret: string;
  /** The time between two deliveries, in ms. A full buffer is sent earlier. Convex waits 5,000. */
  intervalMs: number;
  format: "json" | "jsonl";
  /** The topics of its events; null for all. */
  topics: readonly LogTopic[] | null;
}

// Convex's own limits for log streams.
const CONVEX_INTERVAL_MS = 5_000;
const BUFFERED_EVENTS = 4_096;
const QUEUED_FLUSHES = 8;
const EVENTS_PER_BATCH = 128;
const MAX_ATTEMPTS = 6;
const VERIFICATION_ATTEMPTS = 3;
const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
const REQUEST_TIMEOUT_MS = 30_000;
const RETRYABLE_CLIENT_ERRORS = new Set([408, 421, 425, 429]);

/** Captured here, because the global `fetch` throws inside queries and mutations. */
const post = globalThis.fetch;

/**
 * Delivers the events of one webhook log stream. Events gather in a buffer. At the end of each interval, or as soon as
 * the buffer is full, it moves into the queue. The sender delivers the queue one batch after the other, and repeats a
 * batch after a failure that may be temporary.
 *
 * If an interval ends during a delivery, the buffer moves after that delivery. So with short intervals, a slow endpoint
 * gets fewer and larger deliveries, and no event is lost. Events that arrive while buffer and queue are full are lost,
 * and the trace shows how many.
 */
export class LogStreamSender {
  private buffer: LogEvent[] = [];
  private readonly queue: LogEvent[][] = [];
  private sending = false;
  private isLate = false;
  private active = false;
  /** The number of console events in buffer, queue and delivery. */
  private owed = 0;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly stopped = new AbortController();
  private waiting: (() => void)[] = [];

  constructor(
    private readonly target: LogStreamTarget,
    private readonly trace: Trace,
    private readonly outside: (work: () => void) => void,
  ) {}

  /**
   * Whether no console line waits for its delivery. Events of other topics do not count: a delivery to a function of
   * the app makes such an event itself, so the stream would never be empty.
   */
  get empty(): boolean {
    return this.owed === 0;
  }

  /** Tries the endpoint. @returns why it failed, or null. */
  async verify(): Promise<string | null> {
    const failure = await this.deliver([verificationEvent()], VERIFICATION_ATTEMPTS);
    this.failures = 0;
    return failure;
  }

  /** Starts to take events, first those that the sender before it has gathered. */
  start(gathered: readonly LogEvent[] = []): void {
    this.active = true;
    this.timer = setInterval(() => this.endInterval(), this.target.intervalMs);
    this.push(gathered);
  }

  /** Takes the events of the stream's topics. Never waits; events that do not fit are lost. */
  push(events: readonly LogEvent[]): void {
    if (!this.active) return;
    const { topics } = this.target;
    const wanted = topics === null ? events : events.filter(({ topic }) => topics.some((own) => own === topic));
    if (wanted.length === 0) return;
    const wasFull = this.buffer.length === BUFFERED_EVENTS;
    const taken = wanted.slice(0, BUFFERED_EVENTS - this.buffer.length);
    this.buffer.push(...taken);
    this.owed += consoleEvents(taken);
    this.reportLost(wanted.length - taken.length);
    if (this.buffer.length === BUFFERED_EVENTS && !wasFull) this.outside(() => setImmediate(() => this.flush()));
  }

  /** Resolves when every console line so far is delivered or lost. */
  async drained(): Promise<void> {
    while (!this.empty) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /**
   * Ends the stream. The queue is lost.
   *
   * @returns the events in the buffer.
   */
  stop(): LogEvent[] {
    const gathered = this.buffer;
    this.active = false;
    clearInterval(this.timer);
    this.stopped.abort();
    this.buffer = [];
    this.queue.length = 0;
    this.owed = 0;
    this.wake();
    return gathered;
  }

  private endInterval(): void {
    if (this.sending) this.isLate = true;
    else this.flush();
  }

  private flush(): void {
    if (this.buffer.length === 0) return;
    const events = this.buffer;
    this.buffer = [];
    if (this.queue.length < QUEUED_FLUSHES) this.queue.push(events);
    else this.giveUp(events);
    if (!this.sending) void this.sendQueue();
  }

  private async sendQueue(): Promise<void> {
    this.sending = true;
    for (let events = this.queue.shift(); events !== undefined; events = this.queue.shift()) {
      for (let start = 0; start < events.length; start += EVENTS_PER_BATCH) {
        if (!this.active) break;
        const batch = events.slice(start, start + EVENTS_PER_BATCH);
        if ((await this.deliver(batch, MAX_ATTEMPTS)) === null) this.failures = 0;
        this.owed = Math.max(0, this.owed - consoleEvents(batch));
      }
    }
    this.sending = false;
    this.wake();
    if (!this.isLate) return;
    this.isLate = false;
    this.flush();
  }

  private giveUp(events: readonly LogEvent[]): void {
    this.owed -= consoleEvents(events);
    this.reportLost(events.length);
  }

  private reportLost(events: number): void {
    if (events > 0) this.trace.emit({ type: "loss", events });
  }

  /** @returns null if the endpoint accepted the batch, else the reason of the last failure. */
  private async deliver(batch: LogEvent[], attempts: number): Promise<string | null> {
    const body =
      this.target.format === "json" ? JSON.stringify(batch) : batch.map((event) => JSON.stringify(event)).join("\n");
    let failure = "the stream has ended";
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const status = await this.attempt(batch.length, body, attempt);
      if (status !== null && status < 400) return null;
      if (status !== null && status < 500 && !RETRYABLE_CLIENT_ERRORS.has(status)) {
        return `endpoint rejected the request with ${status} ${STATUS_CODES[status]}`;
      }
      failure = status === null ? "no answer" : `endpoint returned ${status} ${STATUS_CODES[status]}`;
      await this.backOff();
      if (this.stopped.signal.aborted) return failure;
    }
    return `gave up after ${attempts} attempts, last failure: ${failure}`;
  }

  private async attempt(events: number, body: string, attempt: number): Promise<number | null> {
    const startedAt = performance.now();
    let status: number | null = null;
    try {
      const response = await post(this.target.url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "x-webhook-signature": `sha256=${sign(this.target.secret, body)}`,
        },
        body,
        signal: AbortSignal.any([this.stopped.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      });
      await response.body?.cancel();
      status = response.status;
    } catch {
      // No answer: the trace gets the status null, and `deliver` sends the batch again.
    }
    this.trace.emit({
      type: "delivery",
      events,
      bytes: Buffer.byteLength(body),
      status,
      attempt,
      durationMs: performance.now() - startedAt,
    });
    return status;
  }

  /** Waits with full jitter, for a time in proportion to the interval. */
  private async backOff(): Promise<void> {
    const scale = this.target.intervalMs / CONVEX_INTERVAL_MS;
    const backoff = Math.min(INITIAL_BACKOFF_MS * 2 ** this.failures, MAX_BACKOFF_MS);
    this.failures++;
    const { signal } = this.stopped;
    await sleep(backoff * scale * Math.random(), undefined, { signal }).catch(() => {});
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

function consoleEvents(events: readonly LogEvent[]): number {
  return events.filter(({ topic }) => topic === "console").length;
}

function sign(secret: string, body: string): string {
  return createHmac("sha256", secret).update(body).digest("hex");
}
