import type { Effect } from "../../effects/effect.js";
import { canonicalText } from "../../values/canonical.js";
import type { Explanation } from "../../views/explain.js";
import { mutationsAt } from "../callTimes.js";
import { type Completion, type LogEntry, sealsIn } from "../functionLog.js";
import { clockText, counted, spanText } from "../words.js";

/*
 * The story of a row, from what `inspect` says of it and from the function log. The two are joined by times: a commit,
 * a mark and a failure have the time at which their mutation ran, and the log says when each mutation ran. Readers are
 * joined to a row by the seals that they logged, if the secret that opens them is known.
 */

/** Events at the same time stand in this order. */
const STEPS = ["write", "mark", "read", "effect", "dispatch", "run", "recompute", "failure", "fresh"] as const;
export type Step = (typeof STEPS)[number];

/** One thing that happened: when, in ms since 1970, and a sentence. */
export interface StoryEvent {
  at: number;
  step: Step;
  text: string;
}

/** What a story is made of. */
export interface StorySource {
  /** The module of the app that exports the library's functions. */
  module: string;
  view: string;
  /** The canonical text of the key. */
  key: string;
  /** The answers of `inspect` about the row. The last one is its state now. */
  explanations: readonly [Explanation, ...Explanation[]];
  entries: readonly LogEntry[];
  /** The effects in each seal of the entries; null when no secret is known that opens them. */
  opened: ReadonlyMap<string, readonly Effect[]> | null;
}

/** If seals cannot be opened: the story of a fresh row begins so long before its commit. */
const LOOK_BACK_MS = 60_000;
const NS_PER_MS = 1_000_000n;

/**
 * What has happened to the row since the change or the read that made its last recompute necessary, in order of time.
 */
export function storyOf(source: StorySource): StoryEvent[] {
  const now = source.explanations.at(-1) as Explanation;
  const raised = raisedFor(source);
  const since = beginOf(source, raised);
  const effects = grouped(raised.filter(({ at }) => at >= since));
  const commits = committed(source).filter(({ at }) => at >= since || at === now.computedAt);
  const events = [
    ...marked(source).filter(({ at }) => at >= since),
    ...effects.flatMap(effectEvents),
    ...dispatches(source, effects),
    ...commits,
    ...troubles(now),
  ];
  events.sort((a, b) => a.at - b.at || STEPS.indexOf(a.step) - STEPS.indexOf(b.step));
  const [first] = events;
  if (now.state !== "fresh" || now.computedAt === null || first === undefined) return events;
  const after = first.step === "write" ? "the write" : "it was read";
  const took = first.at < now.computedAt ? `, ${spanText(now.computedAt - first.at)} after ${after}` : "";
  const guess = first.step === "read" && effects[0]?.[0].seen !== 0 ? likelyWrite(source, first.at) : [];
  return [...guess, ...events, { at: now.computedAt, step: "fresh", text: `The row is fresh${took}.` }];
}

/** When the story begins: for a fresh row, with what led to its commit; for any other, after its commit. */
function beginOf({ explanations, opened }: StorySource, raised: readonly Raised[]): number {
  const now = explanations.at(-1) as Explanation;
  if (now.state !== "fresh" || now.computedAt === null) return now.computedAt ?? 0;
  const marks = explanations.flatMap((each) => (each.marked ? [each.marked.at] : []));
  const last = marks.filter((at) => at <= (now.computedAt ?? 0)).at(-1);
  if (last !== undefined) return last;
  if (opened === null) return now.computedAt - LOOK_BACK_MS;
  // The readers that asked for this commit saw the row before it: the greatest stamp that is less than its own.
  const before = raised.filter(
    ({ seen, at }) => at <= (now.computedAt ?? 0) && seen !== null && seen < (now.asOf ?? 0),
  );
  const stamp = Math.max(...before.map(({ seen }) => seen ?? 0));
  return Math.min(...before.filter(({ seen }) => seen === stamp).map(({ at }) => at), now.computedAt);
}

/** The marks, with the mutations that have written. */
function marked({ module, explanations, entries }: StorySource): StoryEvent[] {
  const events = new Map<string, StoryEvent>();
  const add = (event: StoryEvent) => events.set(`${event.step} ${event.at}`, event);
  for (const { marked: mark } of explanations) {
    if (mark === null) continue;
    const writers = mutationsAt(entries, mark.at).filter(({ usageStats }) => usageStats?.databaseWriteDocuments > 0);
    const others = writers.filter(({ identifier }) => !identifier.startsWith(`${module}:`));
    const names = [...new Set((others.length > 0 ? others : writers).map(({ identifier }) => identifier))];
    add({ at: mark.at, step: "write", text: `${writerText(names)}: ${mark.by ?? "a change"}.` });
    add({ at: mark.at, step: "mark", text: "It marked the row: its readers run again, and find it stale." });
    if (mark.againAt === null) continue;
    const text = "A later change marked the row again, because it was still not recomputed: its readers ask once more.";
    add({ at: mark.againAt, step: "mark", text });
  }
  return [...events.values()];
}

/** For a row whose commit has cleared the mark: the last write before the row was read is likely to have marked it. */
function likelyWrite({ module, entries }: StorySource, readAt: number): StoryEvent[] {
  const writes = entries.filter((entry) => {
    if (!isCompletion(entry) || entry.udfType !== "Mutation" || entry.timestamp * 1_000 > readAt) return false;
    return entry.usageStats?.databaseWriteDocuments > 0 && !entry.identifier.startsWith(`${module}:`);
  });
  const last = writes.at(-1);
  if (last === undefined) return [];
  const text = `The mutation ${last.identifier} was the last one that wrote before; it may have marked the row.`;
  return [{ at: last.timestamp * 1_000, step: "write", text }];
}

/** An effect that a function has raised, for the row or perhaps for another one. */
interface Raised {
  /** When it was logged, in ms since 1970. */
  at: number;
  by: string;
  /** The `asOf` of the row that the reader saw, in ms, 0 for none; null when the seals cannot be opened. */
  seen: number | null;
}

function raisedFor({ module, view, key, entries, opened }: StorySource): Raised[] {
  return entries.flatMap((entry) => {
    // `inspect` raises only the canary, which is not for a row.
    const seals = entry.identifier === `${module}:inspect` ? [] : sealsIn(entry);
    const effects = seals.flatMap((seal) => opened?.get(seal) ?? []);
    const own = effects.filter((each) => isOf(each, `${module}:recompute`, view, key));
    const stamps = opened === null ? seals.map(() => null) : own.map(({ seen = 0n }) => Number(seen / NS_PER_MS));
    return [...new Set(stamps)].map((seen) => ({ at: entry.timestamp * 1_000, by: describe(entry), seen }));
  });
}

/** Effects of one function that saw the same row, at least one. */
type Group = [Raised, ...Raised[]];

function grouped(effects: readonly Raised[]): Group[] {
  const groups = new Map<string, Group>();
  for (const effect of effects) {
    const name = `${effect.by} ${effect.seen}`;
    const group = groups.get(name);
    if (group) group.push(effect);
    else groups.set(name, [effect]);
  }
  return [...groups.values()];
}

function isOf({ target, args }: Effect, recompute: string, view: string, key: string): boolean {
  return target === recompute && args.view === view && canonicalText(args.args) === key;
}

function effectEvents([{ at, by, seen }, ...others]: Group): StoryEvent[] {
  const last = others.at(-1);
  const more = last ? ` ${counted(others.length, "more call")} did until ${clockText(last.at)}.` : "";
  if (seen === null) return [{ at, step: "effect", text: `${by} raised effects, which may be for this row.${more}` }];
  const found = seen === 0 ? "found no value of the row" : "read the row, which was not fresh";
  return [
    { at, step: "read", text: `${by} ${found}.` },
    { at, step: "effect", text: `It raised the row's recompute.${more}` },
  ];
}

/** The first dispatch after each group of effects. */
function dispatches({ module, entries }: StorySource, effects: readonly Group[]): StoryEvent[] {
  const names = [`${module}:dispatch`, `${module}:forward`];
  const calls = entries.filter((entry) => isCompletion(entry) && names.includes(entry.identifier)) as Completion[];
  const first = effects.map(([{ at }]) => calls.find((call) => call.timestamp * 1_000 >= at));
  return [...new Set(first)].flatMap((call) => {
    if (call === undefined) return [];
    const carriedBy = carrier(call, entries, module);
    const did = call.error ? `failed: ${call.error}` : "took effects";
    const text = `${call.identifier} ${did}${carriedBy && `, carried by ${carriedBy}`}.`;
    return [{ at: call.timestamp * 1_000, step: "dispatch" as const, text }];
  });
}

/** What carried the effects to a dispatch; empty if the log does not say, as an action has no entry before its end. */
function carrier(call: Completion, entries: readonly LogEntry[], module: string): string {
  if (call.identifier === `${module}:forward`) return "a client";
  const parent = entries.find(({ executionId }) => executionId === call.parentExecutionId);
  if (parent?.udfType === "HttpAction") return "the log stream or a relay";
  if (parent?.identifier === `${module}:tail`) return "the log tail";
  return call.caller === "Scheduler" ? "a dispatch before it" : "";
}

function committed({ module, explanations, entries }: StorySource): StoryEvent[] {
  const times = new Set(explanations.flatMap(({ computedAt }) => computedAt ?? []));
  return [...times].map((at) => {
    const calls = mutationsAt(entries, at);
    const own = calls.filter(({ identifier }) => identifier === `${module}:recompute`);
    const [call, ...others] = own.length > 0 ? own : calls;
    if (call === undefined) return { at, step: "recompute", text: "A recompute committed the value." };
    const { identifier, executionTime, usageStats } = call;
    const cost = `in ${spanText(executionTime * 1_000)}, reading ${counted(usageStats?.databaseReadDocuments ?? 0, "document")}`;
    const who = others.length > 0 ? `One of ${others.length + 1} calls of ${identifier}` : identifier;
    return { at, step: "recompute", text: `${who} computed the value and committed it, ${cost}.` };
  });
}

function troubles({ waits: { failure, run } }: Explanation): StoryEvent[] {
  const events: StoryEvent[] = [];
  if (run) events.push({ at: run.startedAt, step: "run", text: "A run began to compute the value." });
  if (run?.touchedAt) {
    events.push({
      at: run.touchedAt,
      step: "write",
      text: "A source has changed during the run: the row will be marked.",
    });
  }
  if (failure) {
    const text = `The attempt failed, number ${failure.attempts} in a row: ${failure.message}`;
    events.push({ at: failure.failedAt, step: "failure", text });
  }
  return events;
}

const isCompletion = (entry: LogEntry): entry is Completion => entry.kind === "Completion";

function writerText([name, ...others]: string[]): string {
  if (name === undefined) return "A mutation wrote";
  return others.length === 0
    ? `The mutation ${name} wrote`
    : `A mutation wrote, one of ${[name, ...others].join(", ")}`;
}

const describe = ({ udfType, identifier }: LogEntry) =>
  `The ${udfType === "HttpAction" ? "HTTP action" : udfType.toLowerCase()} ${identifier}`;
