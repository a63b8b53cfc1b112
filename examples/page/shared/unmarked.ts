import type { TraceEvent } from "../../backend/trace";
import { field } from "./field";

/** The library's name for the argument that marks a call of its client, and for the field that tells its envelope. */
const MARK = "lazyViews";

type Execution = Extract<TraceEvent, { type: "execution" }>;

/** A query as the app sees it, also when the client that carries its effects has called it: without mark and envelope. */
export function unmarked(event: Execution): Execution {
  const { args, result } = event;
  if (field(args, MARK) === undefined) return event;
  const { [MARK]: _, ...own } = args as Record<string, Execution["args"]>;
  if (field(result, MARK) === undefined) return { ...event, args: own };
  return { ...event, args: own, result: field(result, "value") as Execution["args"] };
}
