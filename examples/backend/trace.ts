import type { JSONValue } from "convex/values";
import type { Caller, UdfType } from "./execution";

/** Something that the backend did. `at` is in milliseconds since the epoch. */
export type TraceEvent = { at: number } & (
  | {
      type: "execution";
      udfType: UdfType;
      path: string;
      caller: Caller;
      /** The path of the function that called it, if any. */
      parent?: string;
      /** Whether the query cache answered, so that the function did not run. */
      cached: boolean;
      requestId: string;
      /** Arguments and result as Convex JSON. */
      args: JSONValue;
      result?: JSONValue;
      error?: string;
      durationMs: number;
      /** How many documents its transaction read. Only for queries and scheduled functions, with a `noteOf`. */
      documentsRead?: number;
      /** The notes of `noteOf` about the documents that it read and wrote. */
      notes?: JSONValue[];
    }
  | {
      type: "console";
      path: string;
      udfType: UdfType;
      requestId: string;
      cached: boolean;
      level: string;
      message: string;
      truncated: boolean;
    }
  | {
      /** One attempt to deliver a batch of log events. */
      type: "delivery";
      events: number;
      bytes: number;
      /** The HTTP status, or null when there was no answer. */
      status: number | null;
      attempt: number;
      durationMs: number;
    }
  | {
      /** Log events that the log stream lost, because its buffer or its queue was full. */
      type: "loss";
      events: number;
    }
);

/** An event without its time. */
export type NewTraceEvent = TraceEvent extends infer E ? (E extends TraceEvent ? Omit<E, "at"> : never) : never;

/** The trace keeps at least this number of events for later subscribers. */
const HISTORY_LENGTH = 10_000;

/**
 * The record of everything the backend did, for tests and for the demo's timeline. A real
 * deployment has none.
 */
export class Trace {
  private readonly kept: TraceEvent[] = [];
  private readonly listeners = new Set<(event: TraceEvent) => void>();
  private dropped = 0;

  /** @param outside calls listeners outside the function that caused the event. */
  constructor(private readonly outside: (work: () => void) => void) {}

  /** Calls `listener` with every event from now on. Returns a function that ends this. */
  subscribe(listener: (event: TraceEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The events so far, oldest first: all of them, or at least the last 10,000. */
  history(): TraceEvent[] {
    return [...this.kept];
  }

  /** The number of the oldest kept event, counted from the start. */
  get first(): number {
    return this.dropped;
  }

  /** The events from a number on. */
  since(number: number): TraceEvent[] {
    return this.kept.slice(number - this.dropped);
  }

  /** Records an event. */
  emit(event: NewTraceEvent): void {
    const stamped: TraceEvent = { at: Date.now(), ...event };
    this.kept.push(stamped);
    if (this.kept.length >= 2 * HISTORY_LENGTH) {
      this.dropped += this.kept.splice(0, HISTORY_LENGTH).length;
    }
    this.outside(() => {
      for (const listener of this.listeners) listener(stamped);
    });
  }
}
