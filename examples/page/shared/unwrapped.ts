import type { TraceEvent } from "../../backend/trace";
import { field } from "./field";

/** The library's name for the argument that marks a call of its client, and for the field that tells its envelope. */
const MARK = "lazyViews";

type Execution = Extract<TraceEvent, { type: "execution" }>;
type Json = Execution["args"];

/**
 * A query as the app sees it, also when it was called by a client that forwards effects: without the mark in its
 * arguments, and without the envelope around its result. The effects in the envelope come first, as in other queries
 * the lines on the console.
 */
export function unwrapped(event: TraceEvent): TraceEvent[] {
  if (event.type !== "execution" || field(event.args, MARK) === undefined) return [event];
  const { [MARK]: _, ...args } = event.args as Record<string, Json>;
  const { result } = event;
  if (field(result, MARK) === undefined) return [{ ...event, args }];
  const { at, path, udfType, requestId, cached } = event;
  const line = { type: "console", at, path, udfType, requestId, cached, level: "DEBUG", truncated: false } as const;
  const seals = [field(result, "seals"), field(result, "once")].flat();
  return [
    ...seals.map((message) => ({ ...line, message: String(message) })),
    { ...event, args, result: field(result, "value") as Json },
  ];
}
