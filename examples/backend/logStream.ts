import { createHmac } from "node:crypto";
import { clearInterval, setImmediate, setInterval } from "node:timers";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "./components";
import type { LogLine } from "./console";
import { canonicalPath, pathInside } from "./functionLog/json";
import type { ReportedFunction } from "./reporter";
import type { Trace } from "./trace";

/** Where and how the log stream delivers. */
export interface LogStreamTarget {
  url: string;
  secret: string;
  /** Events wait at most this long before they are sent. Convex waits 5,000. */
  intervalMs: number;
  format: "json" | "jsonl";
}

/** What a log event says about the function that wrote it. */
export type LogSource = Pick<ReportedFunction, "udfType" | "path" | "component" | "requestId" | "cached">;

type LogEvent = Record<string, unknown>;

// The numbers of Convex's own log streams.
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

/** Captured here, because inside queries and mutations the global one refuses to run. */
const post = globalThis.fetch;

/**
 * A webhook log stream for the topic "console". Events gather in a buffer, which is emptied
 * into the sender's queue at each interval, or at once when it is full; what arrives while
 * the buffer is full, or when the sender is too far behind, is lost. The sender delivers one
 * batch after the other and repeats a batch whose failure may pass.
 */
export class LogStream {
  private buffer: LogEvent[] = [];
  private readonly queue: LogEvent[][] = [];
  private sending = false;
  private active = false;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly stopped = new AbortController();
  private waiting: (() => void)[] = [];

  constructor(
    private readonly target: LogStreamTarget,
    private readonly trace: Trace,
    private readonly outside: (work: () => void) => void,
  ) {}

  /** Whether nothing waits to be delivered. */
  get empty(): boolean {
    return this.buffer.length === 0 && this.queue.length === 0 && !this.sending;
  }

  /**
   * Verifies the endpoint, and starts delivering if it answered well. Like Convex, a stream
   * whose endpoint does not stays silent; the trace shows the attempts.
   */
  async start(): Promise<void> {
    const probe = {
      timestamp: Date.now(),
      topic: "verification",
      message: "Convex connection test",
      convex: DEPLOYMENT,
    };
    this.active = await this.deliver([probe], VERIFICATION_ATTEMPTS);
    this.failures = 0;
    if (!this.active) return;
    this.timer = setInterval(() => this.flush(), this.target.intervalMs);
  }

  /** Takes the lines that a function wrote. Never waits, and may drop them. */
  push(source: LogSource, lines: readonly LogLine[]): void {
    if (!this.active) return;
    for (const line of lines) {
      if (this.buffer.length >= BUFFERED_EVENTS) return;
      this.buffer.push(consoleEvent(source, line));
      if (this.buffer.length === BUFFERED_EVENTS) {
        this.outside(() => setImmediate(() => this.flush()));
      }
    }
  }

  /** Resolves when everything taken so far is delivered, given up or dropped. */
  async drained(): Promise<void> {
    while (!this.empty) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Ends the stream. What is not delivered yet is lost. */
  stop(): void {
    this.active = false;
    clearInterval(this.timer);
    this.stopped.abort();
    this.buffer = [];
    this.queue.length = 0;
    this.wake();
  }

  private flush(): void {
    if (this.buffer.length === 0) return;
    const events = this.buffer;
    this.buffer = [];
    if (this.queue.length < QUEUED_FLUSHES) this.queue.push(events);
    if (!this.sending) void this.sendQueue();
  }

  private async sendQueue(): Promise<void> {
    this.sending = true;
    for (let events = this.queue.shift(); events !== undefined; events = this.queue.shift()) {
      for (let start = 0; start < events.length; start += EVENTS_PER_BATCH) {
        if (!this.active) break;
        const delivered = await this.deliver(events.slice(start, start + EVENTS_PER_BATCH), MAX_ATTEMPTS);
        if (delivered) this.failures = 0;
      }
    }
    this.sending = false;
    this.wake();
  }

  /** @returns whether the endpoint accepted the batch in the end. */
  private async deliver(batch: LogEvent[], attempts: number): Promise<boolean> {
    const body =
      this.target.format === "json" ? JSON.stringify(batch) : batch.map((event) => JSON.stringify(event)).join("\n");
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const status = await this.attempt(batch.length, body, attempt);
      if (status !== null && status < 400) return true;
      if (status !== null && status < 500 && !RETRYABLE_CLIENT_ERRORS.has(status)) return false;
      await this.backOff();
      if (this.stopped.signal.aborted) return false;
    }
    return false;
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
      // No answer: it is reported as such, and the batch is sent again.
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

  /** Waits with full jitter, on a clock that runs faster as the interval is shorter. */
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

const DEPLOYMENT = {
  deployment_name: "embedded-backend",
  deployment_type: "dev",
  deployment_ref: null,
  project_name: null,
  project_slug: null,
  deployment_region: null,
};

function consoleEvent(source: LogSource, line: LogLine): LogEvent {
  const { udfType, requestId, cached } = source;
  const path = pathInside(line.component, line.path);
  return {
    timestamp: line.timestamp,
    topic: "console",
    function: {
      path: line.path === source.path ? path : canonicalPath(path),
      type: udfType === "httpAction" ? "http_action" : udfType,
      cached: udfType === "mutation" ? null : cached,
      request_id: requestId,
      mutation_queue_length: null,
      mutation_retry_count: udfType === "mutation" ? 0 : null,
      ...(line.component === ROOT ? {} : { component_path: line.component }),
    },
    log_level: line.level,
    message: line.message,
    is_truncated: line.truncated,
    system_code: null,
    convex: DEPLOYMENT,
  };
}

function sign(secret: string, body: string): string {
  return createHmac("sha256", secret).update(body).digest("hex");
}
