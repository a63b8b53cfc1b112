import { createHmac } from "node:crypto";
import type { LogLine } from "../../../examples/backend/console";
import type { SimulatedRequest, SimulatedResponse } from "./isolate.js";
import type { Turns } from "./loop.js";

/** One console line on its way. */
export interface LogEvent {
  line: LogLine;
  /** When it was written, in ms since 1970; for a cached line, when its query ran. */
  timestamp: number;
  /** Whether it belongs to a result from Convex's cache. */
  cached: boolean;
  /** The snapshot that its query saw. */
  snapshot: number;
  /** Whether the route has taken it. */
  isDelivered: boolean;
}

/** The fate of a batch: how late each copy of it is, in ms; no copy when it is lost. */
export type Fate = () => readonly number[];

// The numbers of Convex's own log streams.
const INTERVAL_MS = 5_000;
const BUFFERED_EVENTS = 4_096;
const EVENTS_PER_BATCH = 128;
const MAX_ATTEMPTS = 6;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;

/** The library's route accepts a body while one of its events is no older. */
export const MAX_EVENT_AGE_MS = 15 * 60_000;

/** The deployment's webhook log stream: a buffer, batches, and deliveries that are late, lost or repeated. */
export class LogStream {
  private buffer: LogEvent[] = [];
  /** How many events of other functions are in the buffer. */
  private foreign = 0;
  private isFlushing = false;

  constructor(
    private readonly loop: Turns,
    private readonly secret: string,
    private readonly post: (request: SimulatedRequest) => Promise<Pick<SimulatedResponse, "status">>,
    private readonly fate: Fate,
    private readonly onResponse: (events: readonly LogEvent[], status: number) => void,
  ) {}

  /** Adds events to the buffer, and drops those that it has no room for. */
  push(events: readonly LogEvent[]): void {
    const room = BUFFERED_EVENTS - this.buffer.length - this.foreign;
    this.buffer.push(...events.slice(0, Math.max(room, 0)));
    if (this.isFlushing) return;
    this.isFlushing = true;
    this.loop.at(this.loop.now + INTERVAL_MS, () => this.flush());
  }

  /** Other functions fill the buffer, up to its next flush. */
  fill(): void {
    this.push([]);
    this.foreign = BUFFERED_EVENTS - this.buffer.length;
  }

  private flush(): void {
    this.isFlushing = false;
    this.foreign = 0;
    const events = this.buffer;
    this.buffer = [];
    for (let start = 0; start < events.length; start += EVENTS_PER_BATCH) {
      const batch = events.slice(start, start + EVENTS_PER_BATCH);
      for (const delay of this.fate()) {
        this.loop.at(this.loop.now + delay, () => void this.deliver(batch, 1));
      }
    }
  }

  private isRecent(batch: readonly LogEvent[]): boolean {
    return batch.some(({ timestamp }) => this.loop.now - timestamp <= MAX_EVENT_AGE_MS);
  }

  private async deliver(batch: readonly LogEvent[], attempt: number): Promise<void> {
    const { status } = await this.post(signedRequest(bodyOf(batch), this.secret));
    this.onResponse(batch, status);
    if (status < 300) for (const event of batch) event.isDelivered ||= this.isRecent(batch);
    const isPassing = status >= 500 || status === 429;
    if (!isPassing || attempt === MAX_ATTEMPTS) return;
    const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** (attempt - 1), MAX_BACKOFF_MS);
    this.loop.at(this.loop.now + backoff, () => void this.deliver(batch, attempt + 1));
  }
}

function bodyOf(events: readonly LogEvent[]): string {
  return JSON.stringify(
    events.map(({ line, cached, timestamp }) => ({
      timestamp,
      topic: "console",
      function: { path: line.path, type: "query", cached, request_id: "0" },
      log_level: line.level,
      message: line.message,
      is_truncated: line.truncated,
      convex: { deployment_name: "simulation", deployment_type: "dev" },
    })),
  );
}

/** A request of the log stream. */
export function signedRequest(body: string, secret: string): SimulatedRequest {
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const bytes = new TextEncoder().encode(body);
  return {
    headers: { get: (name) => (name === "x-webhook-signature" ? `sha256=${signature}` : null) },
    arrayBuffer: async () => bytes.buffer,
  };
}
