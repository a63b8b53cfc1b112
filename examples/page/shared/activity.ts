/**
 * From the backend's trace to a plain feed of what one example did.
 *
 * The trace has an execution when it has ended, after its console lines. The feed puts each where it began. It says of
 * a query what it raised, and of each dispatch what carried its effects, and how long after they were raised.
 */
import type { TraceEvent } from "../../backend/trace";
import { carrierOf, dispatchedEffects } from "./carrier";
import { effectsIn, type PageEffect } from "./effectLine";
import { field } from "./field";
import { duration } from "./format";
import { abbreviated, counted, effectInShort, identityOf, inShort } from "./inShort";
import { unwrapped } from "./unwrapped";

type ExecutionEvent = Extract<TraceEvent, { type: "execution" }>;
type ConsoleEvent = Extract<TraceEvent, { type: "console" }>;
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
  /** What did it: a function, a view, or what carries effects. */
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
  /** When the effects were raised that nothing has carried yet. */
  waiting: Readonly<Record<string, number>>;
}

const LINES_KEPT = 60;
const DISPATCH = "lazy:dispatch";
const RECOMPUTE = "lazy:recompute";

/** The activity before anything has happened. */
export const noActivity: Activity = {
  lines: [],
  told: 0,
  raised: { requestId: "", effects: 0 },
  waiting: {},
};

/** The activity with one more trace event told, if it belongs to the example. */
export function followActivity(activity: Activity, event: TraceEvent, scope: Scope): Activity {
  return unwrapped(event).reduce((told, each) => followEvent(told, each, scope), activity);
}

function followEvent(activity: Activity, event: TraceEvent, scope: Scope): Activity {
  switch (event.type) {
    case "console":
      return raised(activity, event, scope);
    case "execution":
      return executed(activity, event, scope);
    case "delivery":
      return activity; // Its dispatch says what was delivered.
    case "loss":
      return lost(activity, event);
  }
}

function raised(activity: Activity, { at, requestId, message }: ConsoleEvent, scope: Scope): Activity {
  const effects = effectsIn(message).filter(({ functionPath, args }) => isOfScope(functionPath, args, scope));
  if (effects.length === 0) return activity;
  const before = activity.raised.requestId === requestId ? activity.raised.effects : 0;
  const news = Object.fromEntries(effects.map((effect) => [identityOf(effect), at]));
  return {
    ...activity,
    raised: { requestId, effects: before + effects.length },
    waiting: { ...news, ...activity.waiting },
  };
}

function executed(activity: Activity, event: ExecutionEvent, scope: Scope): Activity {
  switch (event.path) {
    case DISPATCH:
      return dispatched(activity, event, scope);
    case RECOMPUTE:
      return recomputed(done(activity, RECOMPUTE, recomputeArgs(event)), event, scope);
    default:
      return isOfScope(event.path, event.args, scope) ? ran(done(activity, event.path, event.args), event) : activity;
  }
}

/** What has run is waited for no more, also when nothing but another reader's effect led to it. */
function done(activity: Activity, functionPath: string, args: unknown): Activity {
  const { [identityOf({ functionPath, args })]: raisedAt, ...waiting } = activity.waiting;
  return raisedAt === undefined ? activity : { ...activity, waiting };
}

/** The arguments of the effect that a recompute answers. */
function recomputeArgs({ args }: ExecutionEvent): unknown {
  return { view: field(args, "job", "view"), args: field(args, "job", "args") };
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
  const effects = dispatchedEffects(event.args).filter(({ functionPath, args }) =>
    isOfScope(functionPath, args, scope),
  );
  if (effects.length === 0) return activity;
  return tell(carried(activity, event, effects), {
    at: beginning(event),
    kind: event.error === undefined ? "dispatch" : "failure",
    subject: "dispatch",
    text: event.error === undefined ? outcomes(event.result) : `failed: ${event.error}`,
    about: "",
  });
}

/** What brought the effects of a dispatch, and how long after their reads. */
function carried(activity: Activity, event: ExecutionEvent, effects: PageEffect[]): Activity {
  const carrier = carrierOf(event);
  if (carrier === null) return activity;
  const at = beginning(event);
  const waiting = { ...activity.waiting };
  const waits: number[] = [];
  for (const effect of effects) {
    const identity = identityOf(effect);
    const raisedAt = waiting[identity];
    if (raisedAt !== undefined) waits.push(Math.max(0, at - raisedAt));
    delete waiting[identity];
  }
  return tell(
    { ...activity, waiting },
    {
      at,
      kind: "delivery",
      subject: carrier,
      text: `carried ${counted(effects.length, "effect")}${after(waits)}`,
      about: abbreviated(effects.map(effectInShort).join("; ")),
    },
  );
}

/** `, 240 ms after the read` */
function after(waits: number[]): string {
  if (waits.length === 0) return "";
  const [first, last] = [duration(Math.min(...waits)), duration(Math.max(...waits))];
  const reads = waits.length === 1 ? "the read" : "the reads";
  return first === last ? `, ${first} after ${reads}` : `, ${first} to ${last} after ${reads}`;
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

function lost(activity: Activity, { at, events }: LossEvent): Activity {
  const text = `lost ${counted(events, "line")}`;
  return tell(activity, { at, kind: "failure", subject: "log stream", text, about: "" });
}

/** Puts a line where it belongs in time, or counts it with the one before when that says the same. */
function tell(activity: Activity, news: Omit<ActivityLine, "id" | "times">): Activity {
  const later = activity.lines.filter(({ at }) => at > news.at);
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
