import type { TraceEvent } from "../../backend/trace";
import { field } from "./field";

/** The library's name for the argument that marks a call by its client, and for the field that marks its envelope. */
const MARK = "lazyViews";

type Execution = Extract<TraceEvent, { type: "execution" }>;
type Json = Execution["args"];

/**
 * A query as the app sees it. If a client that forwards effects has called it, this removes the mark from its arguments
 * and the envelope around its result. The effects of the envelope come first, as the console lines of other queries do.
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
