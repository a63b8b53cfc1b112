import { randomBytes } from "node:crypto";
import type { Activity } from "../activity";
import type { Trace } from "../trace";
import type { LogEvent } from "./events";
import { LogStreamSender, type LogStreamTarget } from "./sender";

/** A stream's status. A failed stream stays silent until it is updated. */
export type LogStreamStatus = { type: "pending" } | { type: "active" } | { type: "failed"; reason: string };

/** A log stream of the deployment. */
export interface LogStream {
  id: string;
  target: LogStreamTarget;
  status: LogStreamStatus;
}

/** The log streams of a deployment: at most one webhook. */
export class LogStreams {
  private webhook: LogStream | null = null;
  private sender: LogStreamSender | null = null;
  /** The number of changes to the stream. A change outdates the trial of an endpoint that is still running. */
  private changes = 0;

  constructor(
    private readonly trace: Trace,
    private readonly activity: Activity,
    private readonly outside: (work: () => void) => void,
  ) {}

  get all(): LogStream[] {
    return this.webhook === null ? [] : [this.webhook];
  }

  /** Whether no console line waits for its delivery. */
  get empty(): boolean {
    return this.sender?.empty ?? true;
  }

  /** Whether a stream takes events. */
  get isActive(): boolean {
    return this.sender !== null;
  }

  /**
   * Adds the stream, and tries its endpoint. If the endpoint accepts the event, the stream starts to deliver; if not,
   * it stays silent. The trace shows the attempts.
   *
   * @returns the stream, and a promise that resolves after the trial.
   */
  create(target: LogStreamTarget): { stream: LogStream; opened: Promise<void> } {
    const stream: LogStream = { id: newId(), target, status: { type: "pending" } };
    this.webhook = stream;
    return { stream, opened: this.open(stream) };
  }

  /**
   * Changes the stream and tries its endpoint again. Until the endpoint accepts the event, the stream delivers as
   * before. The switch loses only events whose delivery has begun.
   */
  async update(stream: LogStream, target: LogStreamTarget): Promise<void> {
    stream.target = target;
    stream.status = { type: "pending" };
    await this.open(stream);
  }

  /**
   * Gives the stream a new secret. As in Convex, it signs with the old one until it is updated or the deployment
   * restarts.
   */
  rotate(stream: LogStream): string {
    const secret = newSecret();
    stream.target = { ...stream.target, secret };
    return secret;
  }

  /** Removes the stream. Undelivered events are lost. */
  remove(stream: LogStream): void {
    if (this.webhook !== stream) return;
    this.stop();
  }

  push(events: readonly LogEvent[]): void {
    this.sender?.push(events);
  }

  /** Resolves when every console line is delivered or lost. */
  async drained(): Promise<void> {
    await this.sender?.drained();
  }

  /** Does what a restart does: buffers are lost, and active streams continue without a new trial. */
  async restart(): Promise<void> {
    this.replaceSender(null);
    if (this.webhook?.status.type === "active") this.replaceSender(this.newSender(this.webhook));
    if (this.webhook?.status.type === "pending") await this.open(this.webhook);
  }

  /** Ends all streams. */
  stop(): void {
    this.changes++;
    this.replaceSender(null);
    this.webhook = null;
  }

  private async open(stream: LogStream): Promise<void> {
    const change = ++this.changes;
    const sender = this.newSender(stream);
    const failure = await this.activity.track(() => sender.verify());
    if (change !== this.changes) return;
    if (failure === null) this.replaceSender(sender, { keepsGathered: true });
    stream.status = failure === null ? { type: "active" } : { type: "failed", reason: failure };
  }

  private newSender({ target }: LogStream): LogStreamSender {
    return new LogStreamSender(target, this.trace, this.outside);
  }

  private replaceSender(sender: LogStreamSender | null, { keepsGathered = false } = {}): void {
    const gathered = this.sender?.stop() ?? [];
    this.sender = sender;
    sender?.start(keepsGathered ? gathered : []);
  }
}

export function newSecret(): string {
  return randomBytes(16).toString("hex");
}

function newId(): string {
  return randomBytes(16).toString("hex");
}
