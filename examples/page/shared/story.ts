/**
 * Turns the backend's trace into a story that a person can follow.
 *
 * The trace is a flat list of executions and console lines. A story sorts those of one example into episodes. An
 * episode is one cause (a write, or a read) and its consequences:
 *
 *   write → read → delivery → dispatch → run → fresh
 *
 * The *work* of an episode is the rows to recompute and the other functions that queries have scheduled. An episode is
 * over when all work that reads have requested is done or dropped. A row that no query reads stays stale: that is the
 * lazy part. Steps may be missing: the episode of a row without a value begins with a read.
 */
import type { TraceEvent } from "../../backend/trace";
import type { RowNote, TagNote } from "../../storyNotes";
import { type Carrier, carrierOf, type DispatchedEffect, dispatchedEffects } from "./carrier";
import { effectsIn, identityOf, type PageEffect } from "./effectLine";
import { field } from "./field";
import { unwrapped } from "./unwrapped";

type ExecutionEvent = Extract<TraceEvent, { type: "execution" }>;
type ConsoleEvent = Extract<TraceEvent, { type: "console" }>;

/** The name of the thing with an id. */
export type NameOf = (id: unknown) => string;

/** An example's part of the trace: the functions in its folder, and the recomputes of its views. */
export interface Scope {
  folder: string;
  views: readonly string[];
  /**
   * Its mutations in words that begin with a small letter: `1 delayed flight was added, ORD to EWR`. A client's call of
   * one of these begins an episode, whether or not a row depends on the write.
   */
  writes: Readonly<Record<string, (args: unknown, name: NameOf) => string>>;
}

/** The steps of an episode, in their order. */
export const stepKinds = ["write", "read", "delivery", "dispatch", "run", "fresh"] as const;

export type StepKind = (typeof stepKinds)[number];

/** The work that an effect requests. */
export interface Work extends PageEffect {
  /** The same for equal effects. */
  id: string;
}

/** The number of arrived effects by their outcome. */
export interface Outcomes {
  dispatched: number;
  /** Scheduled for the end of the window. */
  trailing: number;
  /** Dropped, because the same work was scheduled within the window. */
  duplicates: number;
  /** Dropped, because the row had been recomputed meanwhile. */
  superseded: number;
  refused: number;
}

/** One step: the work that has reached it (`of`), and when the last of this work did (`at`). */
export type Step = { at: number; of: Work[] } & (
  | { kind: "write"; path: string; args: unknown; times: number; tags: string[] }
  /** `cached`: Convex's cache answered, and sent the effect again. */
  | { kind: "read"; cached: boolean }
  /** `by`: what carried the effects out of the query. */
  | { kind: "delivery"; by: Carrier }
  | { kind: "dispatch"; outcomes: Outcomes }
  /** `documents`: how many documents were read. `changed`: how many runs changed something. */
  | { kind: "run"; documents: number; changed: number; failed: number }
  | { kind: "fresh" }
);

/** One cause and its consequences. */
export interface Episode {
  id: number;
  steps: Step[];
  /** The ids of the work whose effects were dropped when they arrived. */
  dropped: string[];
}

/** Running totals since the backend started. */
export interface Totals {
  /** Reads that found every row fresh. */
  hits: number;
  staleReads: number;
  /** Reads that found no value to serve. */
  misses: number;
  effects: number;
  /** How often a carrier delivered effects to a dispatch. */
  deliveries: number;
  dispatched: number;
  /** Effects that were dropped, because another one has done the work or will do it. */
  duplicates: number;
  recomputes: number;
}

/** The last run of a query with certain arguments. */
interface Reader {
  raised: readonly string[];
  rows: number;
}

export interface Story {
  /** Newest first. */
  episodes: Episode[];
  totals: Totals;
  /** Names by id, from results that have both. */
  names: Readonly<Record<string, string>>;
  /** The effects of a request whose execution has not come yet. */
  raised: { requestId: string; effects: PageEffect[] };
  readers: Readonly<Record<string, Reader>>;
  /** When the window of each dispatched effect ends. */
  windows: Readonly<Record<string, number>>;
}

const EPISODES_KEPT = 30;
/** A read joins an episode that began at most this many milliseconds before it. */
const GATHERING_MS = 1_000;
const DISPATCH = "lazy:dispatch";
const RECOMPUTE = "lazy:recompute";

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
    names: {},
    raised: { requestId: "", effects: [] },
    readers: {},
    windows: {},
  };
}

/** The story of an example with one more trace event. */
export function follow(story: Story, event: TraceEvent, scope: Scope): Story {
  return unwrapped(event).reduce((told, each) => followEvent(told, each, scope), story);
}

/** Whether the work is the recompute of a row. */
export function isRow({ functionPath }: Pick<Work, "functionPath">): boolean {
  return functionPath === RECOMPUTE;
}

/** Whether all work that reads have requested is done or dropped. */
export function isOver(episode: Episode): boolean {
  return asked(episode).every(({ id }) => isSettled(episode, id));
}

/** The work of an episode that no read has requested: stale rows that no query reads. */
export function unread(episode: Episode): Work[] {
  const ids = new Set(asked(episode).map(({ id }) => id));
  return worksOf(episode).filter(({ id }) => !ids.has(id) && !isSettled(episode, id));
}

/** Whether a query has read any row of the episode, or requested other work. */
export function hasReaders(episode: Episode): boolean {
  return asked(episode).length > 0;
}

function followEvent(story: Story, event: TraceEvent, scope: Scope): Story {
  switch (event.type) {
    case "console":
      return raised(story, event, scope);
    case "execution":
      return executed(story, event, scope);
    case "delivery":
    case "loss":
      return story; // The dispatch shows what was delivered.
  }
}

/** Does not count the effect lines of a cached execution: they are repeated for another subscriber. */
function raised(story: Story, { requestId, cached, level, message }: ConsoleEvent, scope: Scope): Story {
  if (level !== "DEBUG") return story;
  const effects = effectsIn(message).filter((effect) => isOfScope(effect, scope));
  if (effects.length === 0) return story;
  const before = story.raised.requestId === requestId ? story.raised.effects : [];
  return {
    ...(cached ? story : add(story, { effects: effects.length })),
    raised: { requestId, effects: [...before, ...effects] },
  };
}

function executed(story: Story, event: ExecutionEvent, scope: Scope): Story {
  const { path, udfType, error, args } = event;
  if (path === DISPATCH) return error === undefined ? dispatched(story, event, scope) : story;
  if (path === RECOMPUTE) return recomputed(story, event, scope);
  const isOwn = isOfScope({ functionPath: path, args }, scope);
  if (udfType === "query") return error === undefined ? read(story, event, isOwn) : story;
  if (!isOwn || udfType !== "mutation") return story;
  return error === undefined ? written(ran(story, event), event, scope) : ran(story, event);
}

/** A query has ended. It found rows stale or missing, or found rows fresh that were not fresh in its last run. */
function read(story: Story, event: ExecutionEvent, isOwn: boolean): Story {
  const { at, path, args, caller, cached, durationMs, requestId, result } = event;
  const effects = story.raised.requestId === requestId ? story.raised.effects : [];
  if (!isOwn && effects.length === 0) return story;
  const key = `${path} ${JSON.stringify(args)}`;
  const before = story.readers[key];
  const works = effects.map(asWork);
  const rows = cached ? (before?.rows ?? 0) : notes<RowNote>(event).filter(({ view }) => view !== undefined).length;
  const reader = { raised: works.map(({ id }) => id), rows };
  const counted = countRead({ ...story, names: namesIn(result, story.names) }, works, rows);
  const known = { ...counted, readers: { ...counted.readers, [key]: reader } };
  const told = works.reduce(
    (soFar, work) => tell(soFar, work, { kind: "read", at: at - durationMs, cached, of: [work] }),
    known,
  );
  if (caller !== "client" || cached) return told;
  const fresh = (before?.raised ?? []).filter((id) => !reader.raised.includes(id));
  return mapEpisodes(told, (episode) => {
    const done = worksOf(episode).filter(({ id }) => fresh.includes(id) && reached(episode, "run", id));
    return withStepFor(done, episode, { kind: "fresh", at, of: [] });
  });
}

function countRead(story: Story, works: Work[], rows: number): Story {
  const found = works.filter(isRow);
  if (found.some(({ isMissing }) => isMissing)) return add(story, { misses: 1 });
  if (found.length > 0) return add(story, { staleReads: 1 });
  return rows > 0 ? add(story, { hits: 1 }) : story;
}

/** A write joins the open episodes of its stale rows; for its other rows it starts an episode. */
function written(story: Story, event: ExecutionEvent, scope: Scope): Story {
  const { at, path, args, caller, durationMs } = event;
  const met = notes<RowNote & TagNote>(event);
  const works = met
    .filter(({ view, stale }) => stale && scope.views.includes(view))
    .map(({ view, args: key }) => asWork({ functionPath: RECOMPUTE, args: { view, args: key } }));
  const tags = met.flatMap(({ tag }) => tag ?? []);
  const waiting = works.map(({ id }) => story.episodes.find((episode) => isOpen(episode, id)));
  const rows = works.filter((_, index) => waiting[index] === undefined);
  const isTold = path in scope.writes && (tags.length > 0 || (works.length === 0 && caller === "client"));
  if (rows.length > 0 || isTold) {
    return startEpisode(story, { kind: "write", at: at - durationMs, path, args, of: rows, times: 1, tags });
  }
  return mapEpisodes(story, (episode) => {
    const before = episode.steps.find((step) => step.kind === "write");
    if (!before || before.path !== path || !waiting.includes(episode)) return episode;
    return withStep(episode, { ...before, times: before.times + 1 });
  });
}

/** A function that a query has scheduled ran, other than a recompute. */
function ran(story: Story, event: ExecutionEvent): Story {
  const { at, path, args, caller, error, documentsRead = 0 } = event;
  if (caller !== "scheduler") return story;
  const work = asWork({ functionPath: path, args });
  const failed = error === undefined ? 0 : 1;
  return mapEpisodes(story, (episode) =>
    withStepFor([work], episode, { kind: "run", at, documents: documentsRead, changed: 1 - failed, failed, of: [] }),
  );
}

/** A recompute ran. It calls itself for its sub-transaction; that call is left out. */
function recomputed(story: Story, event: ExecutionEvent, scope: Scope): Story {
  const { at, args, caller, result, error, documentsRead = 0 } = event;
  const job = { view: field(args, "job", "view"), args: field(args, "job", "args") };
  const work = asWork({ functionPath: RECOMPUTE, args: job });
  if (caller === "function" || !isOfScope(work, scope)) return story;
  const changed = result === "committed" ? 1 : 0;
  const failed = error !== undefined || result === "failed" ? 1 : 0;
  return mapEpisodes(add(story, { recomputes: changed }), (episode) =>
    withStepFor([work], episode, { kind: "run", at, documents: documentsRead, changed, failed, of: [] }),
  );
}

/** A dispatch ran. The delivery step gets the time at which it began. */
function dispatched(story: Story, event: ExecutionEvent, scope: Scope): Story {
  const { at, args, durationMs, result } = event;
  const by = carrierOf(event);
  const arrived = dispatchedEffects(args);
  const own = outcomesOf(arrived, result, story.windows, at).filter(({ effect }) => isOfScope(effect, scope));
  if (own.length === 0) return story;
  const count = (...names: (keyof Outcomes)[]) => own.filter(({ outcome }) => names.includes(outcome)).length;
  const counted = add(story, {
    deliveries: by === null ? 0 : 1,
    dispatched: count("dispatched", "trailing"),
    duplicates: count("duplicates", "superseded"),
  });
  const windows = { ...story.windows };
  for (const { effect, outcome } of own) {
    if (outcome === "dispatched") windows[identityOf(effect)] = at + effect.windowMs;
  }
  return own.reduce(
    (told, { effect, outcome }) => {
      const work = asWork(effect);
      // A duplicate recompute does not settle the work: the recompute is still to come.
      const isDropped = outcome === "superseded" || outcome === "refused" || (outcome === "duplicates" && !isRow(work));
      return mapEpisodes(told, (episode) => {
        if (!isOpen(episode, work.id)) return episode;
        const carried =
          by === null ? episode : withStepFor([work], episode, { kind: "delivery", by, at: at - durationMs, of: [] });
        const outcomes = { ...noOutcomes, [outcome]: 1 };
        const sorted = withStepFor([work], carried, { kind: "dispatch", at, outcomes, of: [] });
        return isDropped ? { ...sorted, dropped: [...sorted.dropped, work.id] } : sorted;
      });
    },
    { ...counted, windows },
  );
}

const noOutcomes: Outcomes = { dispatched: 0, trailing: 0, duplicates: 0, superseded: 0, refused: 0 };

/**
 * The outcome of each effect of a dispatch. The dispatch returns only counts. So if they show several outcomes, this
 * takes the effects inside their windows as those that had to wait or were dropped.
 */
function outcomesOf(
  effects: DispatchedEffect[],
  counts: unknown,
  windows: Story["windows"],
  at: number,
): { effect: DispatchedEffect; outcome: keyof Outcomes }[] {
  const left = { ...noOutcomes };
  for (const name of Object.keys(left) as (keyof Outcomes)[]) left[name] = Number(field(counts, name) ?? 0);
  const take = (names: (keyof Outcomes)[]) => {
    const outcome = names.find((name) => left[name] > 0) ?? "dispatched";
    left[outcome]--;
    return outcome;
  };
  const isInside = (effect: DispatchedEffect) => (windows[identityOf(effect)] ?? 0) > at;
  return effects
    .toSorted((a, b) => Number(isInside(b)) - Number(isInside(a)))
    .map((effect) => ({
      effect,
      outcome: take(
        isInside(effect)
          ? ["duplicates", "trailing", "superseded", "dispatched", "refused"]
          : ["dispatched", "superseded", "trailing", "duplicates", "refused"],
      ),
    }));
}

/** Adds a read to the open episode of its work, or to one that has just begun, or to a new one. */
function tell(story: Story, work: Work, step: Step): Story {
  const [newest] = story.episodes;
  const episode =
    story.episodes.find((candidate) => isOpen(candidate, work.id)) ??
    (newest && isGathering(newest, work, step.at) ? newest : undefined);
  if (!episode) return startEpisode(story, step);
  return mapEpisodes(story, (each) => (each === episode ? withStep(each, step) : each));
}

/**
 * Whether a read may add its work to an episode. Work that is first requested at the same time shares an episode, until
 * its first delivery. A write that marks rows has listed its work already; a write to a tag has not, so its readers do.
 */
function isGathering({ steps }: Episode, work: Work, at: number): boolean {
  if (!steps.every(({ kind }) => kind === "write" || kind === "read")) return false;
  if (steps.every((step) => step.at < at - GATHERING_MS)) return false;
  const write = steps.find((step) => step.kind === "write");
  if (write === undefined) return asked({ steps }).every((each) => isRow(each) === isRow(work));
  return write.of.length === 0 && !(write.tags.length > 0 && work.isMissing);
}

/** Adds a step for the work that is open in the episode and has not reached this step yet. */
function withStepFor(works: Work[], episode: Episode, step: Step): Episode {
  const of = works.filter(({ id }) =>
    step.kind === "fresh"
      ? reached(episode, "run", id) && !reached(episode, "fresh", id)
      : isOpen(episode, id) && !reached(episode, step.kind, id),
  );
  return of.length === 0 ? episode : withStep(episode, { ...step, of });
}

function startEpisode(story: Story, step: Step): Story {
  const id = (story.episodes[0]?.id ?? 0) + 1;
  return { ...story, episodes: [{ id, steps: [step], dropped: [] }, ...story.episodes].slice(0, EPISODES_KEPT) };
}

/** Merges a step into the episode's step of the same kind, or inserts it in order. */
function withStep(episode: Episode, step: Step): Episode {
  const before = episode.steps.find(({ kind }) => kind === step.kind);
  const merged = before === undefined ? step : merge(before, step);
  const steps = [...episode.steps.filter((each) => each !== before), merged];
  return { ...episode, steps: steps.sort((a, b) => rank(a.kind) - rank(b.kind)) };
}

/** Merges two steps of the same kind: the work of both, and the time of the last new work. */
function merge(before: Step, step: Step): Step {
  const known = new Set(before.of.map(({ id }) => id));
  const news = step.of.filter(({ id }) => !known.has(id));
  const both = { ...step, of: [...before.of, ...news], at: news.length > 0 ? step.at : before.at };
  if (both.kind === "run" && before.kind === "run") {
    const { documents, changed, failed } = before;
    return {
      ...both,
      documents: both.documents + documents,
      changed: both.changed + changed,
      failed: both.failed + failed,
    };
  }
  if (both.kind === "dispatch" && before.kind === "dispatch") {
    const outcomes = { ...both.outcomes };
    for (const name of Object.keys(outcomes) as (keyof Outcomes)[]) outcomes[name] += before.outcomes[name];
    return { ...both, outcomes };
  }
  if (both.kind === "read" && before.kind === "read") return { ...both, cached: both.cached && before.cached };
  return both;
}

/** Whether work of the episode is still to be done. Rows that no query reads leave it when the others are done. */
function isOpen(episode: Episode, id: string): boolean {
  const isClosed = hasReaders(episode) && isOver(episode);
  return !isClosed && worksOf(episode).some((work) => work.id === id) && !isSettled(episode, id);
}

function isSettled(episode: Episode, id: string): boolean {
  return reached(episode, "run", id) || episode.dropped.includes(id);
}

function reached({ steps }: Episode, kind: StepKind, id: string): boolean {
  return steps.some((step) => step.kind === kind && step.of.some((work) => work.id === id));
}

function asked({ steps }: Pick<Episode, "steps">): Work[] {
  return steps.find(({ kind }) => kind === "read")?.of ?? [];
}

/** The work of an episode: only writes and reads add work. */
function worksOf({ steps }: Episode): Work[] {
  const works = steps.filter(({ kind }) => kind === "write" || kind === "read").flatMap(({ of }) => of);
  return [...new Map(works.map((work) => [work.id, work])).values()];
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

function asWork(effect: PageEffect): Work {
  return { ...effect, id: identityOf(effect) };
}

function isOfScope({ functionPath, args }: PageEffect, { folder, views }: Scope): boolean {
  return functionPath === RECOMPUTE
    ? views.includes(String(field(args, "view")))
    : functionPath.startsWith(`${folder}/`);
}

function notes<Note>({ notes = [] }: ExecutionEvent): Note[] {
  return notes as unknown[] as Note[];
}

/** The fields of results that hold an id; its name is in the same object. */
const IDS = ["doc", "movie", "account"];

function namesIn(result: unknown, known: Story["names"]): Story["names"] {
  const news = (Array.isArray(result) ? result : [result]).flatMap((each) => {
    const name = field(each, "title") ?? field(each, "name");
    return IDS.flatMap((of) => {
      const id = field(each, of);
      return typeof id === "string" && typeof name === "string" && known[id] !== name ? [[id, name] as const] : [];
    });
  });
  return news.length === 0 ? known : { ...known, ...Object.fromEntries(news) };
}
