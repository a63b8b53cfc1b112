/**
 * From the backend's trace to what a person wants to follow.
 *
 * The trace is a flat list of executions and console lines. A story sorts it into
 * episodes: one cause (a write, or a first read) and what it led to, for each airport's row,
 *
 *   write → read → effect → delivery → dispatch → recompute → fresh
 *
 * An episode ends when every row that somebody reads is fresh again. A row that nobody reads stays
 * where the write left it: that is the lazy part. Steps may be missing: a row without a value
 * starts with a read, and a leased row is recomputed with no effect.
 *
 * Rows of other views, such as the network's, are in the totals, and in no episode.
 */
import type { TraceEvent } from "../../backend/trace";
import { type Carrier, carrierOf, dispatchedEffects } from "../shared/carrier";
import { effectsIn } from "../shared/effectLine";
import { field } from "../shared/field";
import { unwrapped } from "../shared/unwrapped";

type ExecutionEvent = Extract<TraceEvent, { type: "execution" }>;
type ConsoleEvent = Extract<TraceEvent, { type: "console" }>;

/** What a read finds; see `rollups/dashboard:stats`. */
export type RowState = "fresh" | "stale" | "expired" | "missing";

/** The steps of an episode, in the order in which they are told. */
export const stepKinds = ["write", "read", "effect", "delivery", "dispatch", "recompute", "fresh"] as const;

export type StepKind = (typeof stepKinds)[number];

/** One step: the airports whose rows have made it, and when the last of them did. */
export type Step = { at: number; airports: string[] } & (
  | { kind: "write"; mutations: number; flights: number }
  | { kind: "read"; state: RowState }
  | { kind: "effect" }
  /** `by`: what carried the effects out of the query. */
  | { kind: "delivery"; by: Carrier }
  | { kind: "dispatch" }
  /** `postponed`: the last one had to wait for the end of its window. */
  | { kind: "recompute"; postponed: boolean }
  | { kind: "fresh" }
);

/** One cause and its consequences. */
export interface Episode {
  id: number;
  steps: Step[];
  /** When the last row that is read became fresh. */
  endedAt?: number;
}

/** Running totals since the backend started. */
export interface Totals {
  hits: number;
  staleReads: number;
  /** Reads that found no value to serve. */
  misses: number;
  effects: number;
  /** How often effects were carried to a dispatch. */
  deliveries: number;
  dispatched: number;
  /** Effects that were dropped: another one did the work already, or is about to. */
  duplicates: number;
  recomputes: number;
}

export interface Story {
  /** Newest first. */
  episodes: Episode[];
  totals: Totals;
}

const EPISODES_KEPT = 30;
/** The view whose rows the episodes are about. */
const VIEW = "airportStats";

/** The story before anything has happened. */
export function emptyStory(): Story {
  return {
    episodes: [],
    totals: {
      hits: 0,
      staleReads: 0,
      misses: 0,
      effects: 0,
      deliveries: 0,
      dispatched: 0,
      duplicates: 0,
      recomputes: 0,
    },
  };
}

/** The story with one more trace event told. */
export function follow(story: Story, event: TraceEvent): Story {
  return unwrapped(event).reduce(followEvent, story);
}

function followEvent(story: Story, event: TraceEvent): Story {
  switch (event.type) {
    case "console":
      return raised(story, event);
    case "execution":
      return executed(story, event);
    case "delivery":
    case "loss":
      return story; // A dispatch says what was delivered.
  }
}

/** Whether anybody has read a row of the episode: until then nothing follows. */
export function hasReaders({ steps }: Episode): boolean {
  return steps.some(({ kind }) => kind !== "write");
}

/** The airports that an episode made stale and nobody reads: lazily, nothing is done for them. */
export function unread({ steps }: Episode): string[] {
  const written = steps.find(({ kind }) => kind === "write")?.airports ?? [];
  return written.filter((airport) => !steps.some((step) => step.kind !== "write" && includes(step, airport)));
}

function executed(story: Story, event: ExecutionEvent): Story {
  if (event.error !== undefined) return story;
  switch (event.path) {
    case "rollups/flights:add":
      return written(story, event);
    case "rollups/dashboard:stats":
      return read(story, event);
    case "rollups/dashboard:network":
      return countRead(story, stateOf(event));
    case "lazy:dispatch":
      return dispatched(story, event);
    case "lazy:recompute":
      return recomputed(story, event);
    default:
      return story;
  }
}

/** A write joins the writes that its rows are stale from; for the other rows it starts an episode. */
function written(story: Story, { at, args }: ExecutionEvent): Story {
  const airports = [...new Set([text(args, "origin"), text(args, "destination")])];
  const flights = count(args, "count") || 1;
  const waiting = airports.map((airport) =>
    story.episodes.find((episode) => isOpen(episode, airport) && !reached(episode, "recompute", airport)),
  );
  const rows = airports.filter((_, index) => waiting[index] === undefined);
  if (rows.length > 0) {
    return startEpisode(story, { kind: "write", at, airports: rows, mutations: 1, flights });
  }
  return mapEpisodes(story, (episode) => {
    const before = episode.steps.find((step) => step.kind === "write");
    if (!before || !waiting.includes(episode)) return episode;
    const { mutations } = before;
    const more = { mutations: mutations + 1, flights: before.flights + flights };
    return withStep(episode, { ...before, ...more });
  });
}

function read(story: Story, event: ExecutionEvent): Story {
  const { at, args, durationMs } = event;
  const airport = text(args, "airport");
  const state = stateOf(event);
  const counted = countRead(story, state);
  if (state === "fresh") {
    return mapEpisodes(counted, (episode) =>
      isOpen(episode, airport) ? withEnd(withStep(episode, { kind: "fresh", at, airports: [airport] }), at) : episode,
    );
  }
  // Traced at its end, when its effects have been raised: told from its beginning.
  return tell(counted, airport, { kind: "read", at: at - durationMs, airports: [airport], state });
}

function countRead(story: Story, state: RowState): Story {
  if (state === "fresh") return add(story, { hits: 1 });
  return add(story, state === "stale" ? { staleReads: 1 } : { misses: 1 });
}

/** Effect lines of a cached execution are a replay for one more subscriber: nothing was raised. */
function raised(story: Story, { at, cached, level, message }: ConsoleEvent): Story {
  if (cached || level !== "DEBUG") return story;
  const effects = effectsIn(message);
  return effects
    .filter(({ functionPath }) => functionPath === "lazy:recompute")
    .flatMap(({ args }) => airportOf(args))
    .reduce(
      (told, airport) => tell(told, airport, { kind: "effect", at, airports: [airport] }),
      add(story, { effects: effects.length }),
    );
}

/** What carried effects has handed them over when their dispatch begins. */
function dispatched(story: Story, event: ExecutionEvent): Story {
  const { at, args, durationMs, result } = event;
  const by = carrierOf(event);
  const counted = add(story, {
    deliveries: by === null ? 0 : 1,
    dispatched: count(result, "dispatched") + count(result, "trailing"),
    duplicates: count(result, "duplicates") + count(result, "superseded"),
  });
  const airports = dispatchedEffects(args).flatMap((effect) => airportOf(effect.args));
  return mapEpisodes(counted, (episode) => {
    const told = withStepFor(airports, episode, { kind: "dispatch", at, airports: [] });
    return by === null
      ? told
      : withStepFor(airports, told, { kind: "delivery", by, at: at - durationMs, airports: [] });
  });
}

/** A recompute calls itself for its sub-transaction, and does nothing for a row that is clean. */
function recomputed(story: Story, { at, args, caller, result }: ExecutionEvent): Story {
  if (caller === "function" || result !== "committed") return story;
  const job = field(args, "job");
  const postponed = field(job, "start", "isTrailing") === true;
  return mapEpisodes(add(story, { recomputes: 1 }), (episode) =>
    withStepFor(airportOf(job), episode, { kind: "recompute", at, postponed, airports: [] }),
  );
}

/** Tells a step of one row in its open episode, in one that just began with reads, or in a new one. */
function tell(story: Story, airport: string, step: Step): Story {
  const [newest] = story.episodes;
  const episode =
    story.episodes.find((candidate) => isOpen(candidate, airport)) ??
    (newest && isGathering(newest) ? newest : undefined);
  if (!episode) return startEpisode(story, step);
  return mapEpisodes(story, (each) => (each === episode ? withStep(each, step) : each));
}

/** Several rows that are first read together share an episode, until a delivery parts them. */
function isGathering({ steps, endedAt }: Episode): boolean {
  return endedAt === undefined && steps.every(({ kind }) => kind === "read" || kind === "effect");
}

/** Adds a step for those of the airports whose open rows have not made it yet. */
function withStepFor(airports: string[], episode: Episode, step: Step): Episode {
  const rows = airports.filter((airport) => isOpen(episode, airport) && !reached(episode, step.kind, airport));
  return rows.length === 0 ? episode : withStep(episode, { ...step, airports: rows });
}

function startEpisode(story: Story, step: Step): Story {
  const id = (story.episodes[0]?.id ?? 0) + 1;
  return { ...story, episodes: [{ id, steps: [step] }, ...story.episodes].slice(0, EPISODES_KEPT) };
}

/** Merges a step into the episode's step of the same kind, or puts it in its place. */
function withStep(episode: Episode, step: Step): Episode {
  const before = episode.steps.find(({ kind }) => kind === step.kind);
  const airports = [...new Set([...(before?.airports ?? []), ...step.airports])];
  const isNews = airports.length > (before?.airports.length ?? 0);
  const merged: Step = {
    ...before,
    ...step,
    airports,
    at: isNews ? step.at : (before?.at ?? step.at),
  };
  const steps = [...episode.steps.filter((each) => each !== before), merged];
  return { ...episode, steps: steps.sort((a, b) => rank(a.kind) - rank(b.kind)) };
}

function withEnd(episode: Episode, at: number): Episode {
  const readers = episode.steps.find(({ kind }) => kind === "read")?.airports ?? [];
  const over = readers.every((airport) => reached(episode, "fresh", airport));
  return over ? { ...episode, endedAt: at } : episode;
}

function isOpen(episode: Episode, airport: string): boolean {
  return (
    episode.endedAt === undefined &&
    episode.steps.some((step) => includes(step, airport)) &&
    !reached(episode, "fresh", airport)
  );
}

function reached({ steps }: Episode, kind: StepKind, airport: string): boolean {
  return steps.some((step) => step.kind === kind && includes(step, airport));
}

function includes({ airports }: Step, airport: string): boolean {
  return airports.includes(airport);
}

function mapEpisodes(story: Story, change: (episode: Episode) => Episode): Story {
  return { ...story, episodes: story.episodes.map(change) };
}

function add(story: Story, amounts: Partial<Totals>): Story {
  const totals = { ...story.totals };
  for (const [name, amount] of Object.entries(amounts)) totals[name as keyof Totals] += amount;
  return { ...story, totals };
}

function rank(kind: StepKind): number {
  return stepKinds.indexOf(kind);
}

/** The airport whose row is recomputed with these arguments; none when it is a row of another view. */
function airportOf(recompute: unknown): string[] {
  return field(recompute, "view") === VIEW ? [text(recompute, "args", "airport")] : [];
}

function stateOf({ result }: ExecutionEvent): RowState {
  return text(result, "state") as RowState;
}

function text(value: unknown, ...path: string[]): string {
  return String(field(value, ...path));
}

function count(value: unknown, ...path: string[]): number {
  return Number(field(value, ...path) ?? 0);
}
