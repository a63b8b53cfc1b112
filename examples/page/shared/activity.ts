/**
 * From the backend's trace to a plain feed of what one example did.
 *
 * The trace tells of an execution when it has ended, after its console lines, and of a delivery when it has
 * been answered, after the dispatch that it led to. The feed puts each where it began, and says of a query
 * what it raised.
 */
import type { TraceEvent } from "../../backend/trace";
import { effectsIn } from "./effectLine";
import { field } from "./field";

type ExecutionEvent = Extract<TraceEvent, { type: "execution" }>;
type ConsoleEvent = Extract<TraceEvent, { type: "console" }>;
type DeliveryEvent = Extract<TraceEvent, { type: "delivery" }>;
type LossEvent = Extract<TraceEvent, { type: "loss" }>;

/** What belongs to an example: the functions in its folder, and the recomputes of its views. */
export interface Scope {
  folder: string;
  views: string[];
}

/** One thing that happened, or the same thing several times in a row. */
export interface ActivityLine {
  id: number;
  /** When it began, the last time. */
  at: number;
  kind: "query" | "cached" | "write" | "delivery" | "dispatch" | "recompute" | "failure";
  /** Who did it: a function, a view, or the log stream. */
  subject: string;
  /** What was done. */
  text: string;
  /** The arguments in short. */
  about: string;
  times: number;
}

export interface Activity {
  /** Newest first. */
  lines: ActivityLine[];
  /** How many lines there were, to number them. */
  told: number;
  /** What a request has raised whose execution has not been told yet. */
  raised: { requestId: string; effects: number };
}

const LINES_KEPT = 60;
const ABOUT_LENGTH = 120;
const DISPATCH = "lazy:dispatch";
const RECOMPUTE = "lazy:recompute";

/** The activity before anything has happened. */
export const noActivity: Activity = {
  lines: [],
  told: 0,
  raised: { requestId: "", effects: 0 },
};

/** The activity with one more trace event told, if it belongs to the example. */
export function followActivity(activity: Activity, event: TraceEvent, scope: Scope): Activity {
  switch (event.type) {
    case "console":
      return raised(activity, event, scope);
    case "execution":
      return executed(activity, event, scope);
    case "delivery":
      return delivered(activity, event);
    case "loss":
      return lost(activity, event);
  }
}

function raised(activity: Activity, { requestId, message }: ConsoleEvent, scope: Scope): Activity {
  const effects = effectsIn(message).filter(({ functionPath, args }) => isOfScope(functionPath, args, scope)).length;
  if (effects === 0) return activity;
  const before = activity.raised.requestId === requestId ? activity.raised.effects : 0;
  return { ...activity, raised: { requestId, effects: before + effects } };
}

function executed(activity: Activity, event: ExecutionEvent, scope: Scope): Activity {
  switch (event.path) {
    case DISPATCH:
      return dispatched(activity, event, scope);
    case RECOMPUTE:
      return recomputed(activity, event, scope);
    default:
      return isOfScope(event.path, event.args, scope) ? ran(activity, event) : activity;
  }
}

function ran(activity: Activity, event: ExecutionEvent): Activity {
  const { path, udfType, caller, cached, requestId, error } = event;
  const effects = activity.raised.requestId === requestId ? activity.raised.effects : 0;
  const how = cached ? "from the cache" : caller === "scheduler" ? "ran as scheduled" : "ran";
  const what = effects === 0 ? how : `${how}, raised ${counted(effects, "effect")}`;
  const kind = cached ? "cached" : udfType === "query" ? "query" : "write";
  return tell(activity, {
    at: beginning(event),
    kind: error === undefined ? kind : "failure",
    subject: path,
    text: error === undefined ? what : `failed: ${error}`,
    about: inShort(event.args),
  });
}

function dispatched(activity: Activity, event: ExecutionEvent, scope: Scope): Activity {
  const effects = field(event.args, "effects");
  const concerns =
    Array.isArray(effects) &&
    effects.some((effect) => isOfScope(String(field(effect, "target")), field(effect, "args"), scope));
  if (!concerns) return activity;
  return tell(activity, {
    at: beginning(event),
    kind: event.error === undefined ? "dispatch" : "failure",
    subject: "dispatch",
    text: event.error === undefined ? outcomes(event.result) : `failed: ${event.error}`,
    about: "",
  });
}

/** A recompute calls itself for its sub-transaction, which is not told again. */
function recomputed(activity: Activity, event: ExecutionEvent, scope: Scope): Activity {
  const job = field(event.args, "job");
  if (event.caller === "function" || !isOfScope(RECOMPUTE, job, scope)) return activity;
  const failed = event.error !== undefined || event.result === "failed";
  return tell(activity, {
    at: beginning(event),
    kind: failed ? "failure" : "recompute",
    subject: String(field(job, "view")),
    text: failed ? "could not be recomputed" : (recomputes[String(event.result)] ?? "recomputed"),
    about: inShort(field(job, "args")),
  });
}

/** What a recompute did, by its result. */
const recomputes: Record<string, string> = {
  committed: "recomputed",
  clean: "was fresh already",
  overtaken: "was overtaken by another job",
};

/** A delivery is told when it led to a dispatch that is told. */
function delivered(activity: Activity, event: DeliveryEvent): Activity {
  const at = beginning(event);
  const led = activity.lines.some((line) => line.kind === "dispatch" && line.at >= at);
  if (!led) return activity;
  return tell(activity, {
    at,
    kind: "delivery",
    subject: "log stream",
    text: `delivered ${counted(event.events, "line")}`,
    about: "",
  });
}

function lost(activity: Activity, { at, events }: LossEvent): Activity {
  const text = `lost ${counted(events, "line")}`;
  return tell(activity, { at, kind: "failure", subject: "log stream", text, about: "" });
}

/** Puts a line where it belongs in time, or counts it with the one before when that says the same. */
function tell(activity: Activity, news: Omit<ActivityLine, "id" | "times">): Activity {
  const later = activity.lines.filter(
    ({ at, kind }) => at > news.at || (at === news.at && isAnswerTo(kind, news.kind)),
  );
  const earlier = activity.lines.slice(later.length);
  const [before] = earlier;
  if (before && saysTheSame(before, news)) {
    const again = { ...before, at: news.at, times: before.times + 1 };
    return { ...activity, lines: [...later, again, ...earlier.slice(1)] };
  }
  const told = activity.told + 1;
  const lines = [...later, { ...news, id: told, times: 1 }, ...earlier].slice(0, LINES_KEPT);
  return { ...activity, told, lines };
}

/** Within one millisecond, a dispatch still comes after its delivery. */
function isAnswerTo(kind: ActivityLine["kind"], cause: ActivityLine["kind"]): boolean {
  return kind === "dispatch" && cause === "delivery";
}

function saysTheSame(a: ActivityLine, b: Omit<ActivityLine, "id" | "times">): boolean {
  return a.subject === b.subject && a.text === b.text && a.about === b.about;
}

function isOfScope(functionPath: string, args: unknown, { folder, views }: Scope): boolean {
  return functionPath === RECOMPUTE
    ? views.includes(String(field(args, "view")))
    : functionPath.startsWith(`${folder}/`);
}

function beginning({ at, durationMs }: { at: number; durationMs: number }): number {
  return at - durationMs;
}

/** `1 scheduled now, 2 dropped as repeated` */
function outcomes(counts: unknown): string {
  return outcomeNames
    .map(([name, words]) => [Number(field(counts, name) ?? 0), words] as const)
    .filter(([count]) => count > 0)
    .map(([count, words]) => `${count} ${words}`)
    .join(", ");
}

const outcomeNames = [
  ["dispatched", "scheduled now"],
  ["trailing", "at the window's end"],
  ["duplicates", "dropped as repeated"],
  ["superseded", "dropped as done already"],
  ["refused", "refused"],
] as const;

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** An id of the embedded backend without its zeros: `docs 10027`. */
function shortId(text: string): string {
  return text.replace(/^0+(\d+)([a-z]\w*)$/i, "$2 $1");
}

/** The values of the arguments without their names, and no more of them than one reads. */
function inShort(args: unknown): string {
  if (typeof args !== "object" || args === null) return "";
  const whole = Object.values(args)
    .map((value) => (typeof value === "string" ? shortId(value) : JSON.stringify(value)))
    .join(", ");
  return whole.length > ABOUT_LENGTH ? `${whole.slice(0, ABOUT_LENGTH - 1)}…` : whole;
}
