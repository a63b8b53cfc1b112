import type { JSONValue } from "convex/values";
import type { Change } from "../../examples/backend/readSet";
import {
  Backend,
  type Ended,
  type Isolates,
  isOutOfRetries,
  type Observer,
  type Weather,
} from "../../tests/simulation/engine/backend";
import { randomNumbers } from "../../tests/simulation/engine/choices";
import type { Kind } from "../../tests/simulation/engine/frame";
import { type LogEvent, LogStream } from "../../tests/simulation/engine/logStream";
import { Subscriptions } from "../../tests/simulation/engine/subscriptions";
import type { StrategyName } from "./app";
import { type Answer, type Bound, clairvoyant } from "./bound";
import { Clockwork } from "./clockwork";
import { type Amounts, Meter } from "./meter";
import type { Strategy } from "./strategies";
import { Truth } from "./truth";
import type { Workload, WorkloadEvent } from "./workload";

export type Deployment = { strategy: StrategyName };

/** What a strategy took for a workload, and the answers that its readers got. */
export interface Recording {
  amounts: Amounts;
  /** Answers to readers. A watched key counts once a second. */
  answers: number;
  /** Writes to the source. */
  writes: number;
  /** The duration of the measurement, in ms. */
  countedMs: number;
  /** The times of the recomputes' commits, in ms since 1970. */
  recomputedAt: number[];
  /** Answers that were empty, because there was no value yet. */
  unanswered: number;
  /** How long answers had been out of date, in ms. */
  staleP50: number;
  staleP99: number;
  bound: Bound;
}

export const START = Date.UTC(2026, 0, 1);
export const EFFECTS_PATH = "/lazy-views/effects";
const HEARTBEAT = "lazy:heartbeat";
const STREAM_SECRET = "the stream's own secret";
export const ENV = {
  LAZY_VIEWS_SECRET: "0123456789abcdef0123456789abcdef",
  LAZY_VIEWS_STREAM_SECRET: STREAM_SECRET,
};

/** From the server to a client and back. */
const NETWORK_MS = 50;
/** How often the values of watched keys are sampled. */
const SAMPLE_MS = 1_000;
/** After the first time all pending work has ended; after the second one the library has also cleaned up. */
const SETTLED_MS = 60_000;
const CLEANED_UP_MS = 30 * 60_000;
/** The number of commits after which old versions are dropped. */
const PRUNE_EVERY = 2_000;

/** Convex on a good day. */
export function goodWeather(random: () => number): Weather {
  return {
    schedulerLag: () => 50,
    snapshotAge: () => 20,
    actionDeath: () => null,
    // As in Convex: 100 ms, doubled at each conflict, with jitter.
    conflictRest: (conflicts, isJob) => {
      const longest = isJob ? 60_000 : 2_000;
      return Math.min(100 * 2 ** (conflicts - 1), longest) * (0.5 + random() / 2);
    },
  };
}

/** A run of a function that ended at `endedAt` (ms since 1970), or an answer from the cache, which read nothing. */
export type Run = { kind: Kind; endedAt: number; isCached: boolean; ended: Ended<Deployment> };

/**
 * Plays a workload to an app with a strategy, and measures what that takes.
 *
 * @param onRun - Called with each query and mutation that counts.
 */
export async function play(
  strategy: Strategy,
  workload: Workload,
  isolates: Isolates<Deployment>,
  onRun: (run: Run) => void = () => {},
): Promise<Recording> {
  return await new Player(strategy, workload, isolates, onRun).play();
}

class Player implements Observer<Deployment> {
  private readonly clock = new Clockwork(START);
  private readonly meter = new Meter();
  private readonly truth = new Truth();
  private readonly backend: Backend<Deployment>;
  private readonly subscriptions: Subscriptions<Deployment>;
  private readonly stream: LogStream;
  private readonly answers: Answer[] = [];
  private readonly watchers = new Map<string, number>();
  private isPlaying = false;
  private readonly recomputedAt: number[] = [];

  constructor(
    private readonly strategy: Strategy,
    private readonly workload: Workload,
    isolates: Isolates<Deployment>,
    private readonly onRun: (run: Run) => void,
  ) {
    const { clock } = this;
    const random = randomNumbers(1);
    const choices = { pick: (options: number) => Math.floor(random() * options) };
    const deployment = { strategy: strategy.name };
    this.backend = new Backend(isolates, deployment, clock, choices, goodWeather(random), this);
    this.backend.env = ENV;
    this.stream = new LogStream(
      clock,
      STREAM_SECRET,
      (request) => this.backend.fetch(EFFECTS_PATH, request),
      () => [0],
      () => {},
    );
    this.subscriptions = new Subscriptions(
      this.backend,
      (events) => this.send(events),
      (ended, isCached) => this.onAnswer(ended, isCached),
    );
    this.backend.runQueryForAction = (path, args) => this.subscriptions.forAction(path, args);
  }

  async play(): Promise<Recording> {
    await this.prepare();
    const { clock, workload, meter } = this;
    const since = clock.now;
    const countsFrom = since + workload.countsFrom;
    this.isPlaying = true;
    this.playFrom(0, since);
    clock.at(countsFrom, () => meter.start());
    const { cronMs } = this.strategy;
    if (cronMs !== undefined) this.runCron(cronMs, since + workload.endsAt);
    if (this.strategy.isLazy) {
      for (const at of workload.heartbeats ?? []) clock.at(since + at, () => void this.backend.action(HEARTBEAT, {}));
    }
    this.sample(since + workload.endsAt);
    await clock.passTo(since + workload.endsAt + SETTLED_MS);
    this.isPlaying = false;
    this.subscriptions.stop();
    await clock.passTo(clock.now + CLEANED_UP_MS);

    const counted = this.answers.filter(({ at }) => at >= countsFrom);
    const stale = counted.flatMap(({ staleMs }) => staleMs ?? []).sort((a, b) => a - b);
    const { promiseMs } = this.strategy;
    return {
      amounts: meter.amounts,
      answers: counted.length,
      writes: workload.events.filter(({ at, do: what }) => {
        return at >= workload.countsFrom && (what === "add" || what === "correct");
      }).length,
      countedMs: workload.endsAt - workload.countsFrom,
      recomputedAt: this.recomputedAt,
      unanswered: counted.filter(({ staleMs }) => staleMs === null).length,
      staleP50: percentile(stale, 0.5),
      staleP99: percentile(stale, 0.99),
      bound: clairvoyant(this.truth, this.answers, { promiseMs, since: countsFrom }),
    };
  }

  onCommit(commit: Parameters<Observer<Deployment>["onCommit"]>[0]): void {
    this.truth.onCommit(commit.changes, commit.committedAt);
    const isComputed = ({ table, before, after }: Change) => table === "totals" && before?.asOf !== after?.asOf;
    const isCounted = this.meter.isRunning && commit.changes.some(isComputed);
    if (isCounted) this.recomputedAt.push(commit.committedAt);
    this.subscriptions.onCommit(commit);
    const { store } = this.backend;
    if (commit.number % PRUNE_EVERY === 0) {
      store.prune(store.commits.findLastIndex((c) => c.committedAt < this.clock.now - 60_000) + 1);
    }
  }

  onEnd(...[kind, ended]: Parameters<Observer<Deployment>["onEnd"]>): void {
    this.meter.onEnd(kind, ended);
    if (this.meter.isRunning) this.onRun({ kind, endedAt: this.clock.now, isCached: false, ended });
    const { result } = ended;
    if (kind !== "query" && "error" in result && !isOutOfRetries(result.error)) throw result.error;
  }

  onSnapshotQuery({ usage }: Ended<Deployment>): void {
    this.meter.use(usage);
  }

  onConflict(...[path, , , usage]: Parameters<Observer<Deployment>["onConflict"]>): void {
    this.meter.onConflict(path, usage);
  }

  onAction(path: string): void {
    this.meter.call();
    if (path === EFFECTS_PATH) this.meter.count("deliveries");
  }

  /** Loads the items, and waits until every key has a fresh value. */
  private async prepare(): Promise<void> {
    const { backend, clock, workload } = this;
    const { store } = backend;
    const writes = workload.keys.flatMap((key) =>
      Array.from({ length: workload.itemsPerKey }, (_, i) => {
        const document = store.create("items", { key, amount: i, updatedAt: START }, START);
        return { table: "items", id: document._id as string, stored: { document } };
      }),
    );
    this.onCommit(store.commit(writes, { path: "load", begunAt: START, committedAt: START }));
    await clock.passTo(clock.now + 1_000);
    if (backend.has("app:prepare")) {
      for (const key of workload.keys) {
        await clock.passUntil(backend.mutation("app:prepare", { key }));
      }
      await clock.passTo(clock.now + SETTLED_MS);
    }
    for (let reads = 0; workload.isWarm && reads < 2; reads++) {
      for (const key of workload.keys) this.read(key);
      await clock.passTo(clock.now + SETTLED_MS);
    }
    await clock.passTo(clock.now + CLEANED_UP_MS);
  }

  private playFrom(index: number, since: number): void {
    const event = this.workload.events[index];
    if (event === undefined) return;
    this.clock.at(since + event.at, () => {
      this.playFrom(index + 1, since);
      this.perform(event);
    });
  }

  private perform(event: WorkloadEvent): void {
    const { key } = event;
    switch (event.do) {
      case "read":
        this.read(key);
        return;
      case "watch":
        this.watchers.set(key, event.clients);
        for (let i = 0; i < event.clients; i++) this.subscriptions.subscribe("app:read", { key });
        return;
      default:
        this.call(`app:${event.do}`, { key, amount: event.amount });
    }
  }

  /** Calls a mutation. A failure after too many conflicts is ignored here: the meter has counted it. */
  private call(path: string, args: JSONValue): void {
    this.backend.mutation(path, args).catch((error) => {
      if (!isOutOfRetries(error)) throw error;
    });
  }

  private read(key: string): void {
    if (!this.strategy.isAction) {
      this.subscriptions.ask("app:read", { key });
      return;
    }
    const at = this.clock.now;
    void this.backend.action("app:readInAction", { key }).then((value) => this.keepAnswer(key, value, at));
  }

  private onAnswer(ended: Ended<Deployment>, isCached: boolean): void {
    const { args, result, begunAt } = ended;
    if (isCached && this.meter.isRunning) this.onRun({ kind: "query", endedAt: this.clock.now, isCached, ended });
    if ("error" in result) throw result.error;
    const { key } = args as { key: string };
    const watchers = this.watchers.get(key) ?? 0;
    if (watchers === 0) this.keepAnswer(key, result.value, isCached ? this.clock.now : begunAt);
    const { isStale } = (result.value ?? {}) as { isStale?: boolean };
    if (!this.strategy.hasRoundTrip || isStale !== true) return;
    for (let i = 0; i < Math.max(watchers, 1); i++) {
      this.clock.at(this.clock.now + NETWORK_MS, () => this.call("app:refresh", { key }));
    }
  }

  private keepAnswer(key: string, value: JSONValue, at: number): void {
    if (!this.isPlaying) return;
    const staleMs = value === null ? null : this.truth.staleness(key, value as never, at);
    this.answers.push({ at, key, staleMs });
  }

  /** Records the values that watching clients see, until a time in ms since 1970. */
  private sample(until: number): void {
    this.clock.at(this.clock.now + SAMPLE_MS, () => {
      for (const { args, result } of this.subscriptions.results()) {
        if ("value" in result) {
          this.keepAnswer((args as { key: string }).key, result.value, this.clock.now);
        }
      }
      if (this.clock.now < until) this.sample(until);
    });
  }

  private runCron(everyMs: number, until: number): void {
    this.clock.at(this.clock.now + everyMs, () => {
      this.call("app:every", {});
      if (this.clock.now < until) this.runCron(everyMs, until);
    });
  }

  private send(events: LogEvent[]): void {
    this.meter.count("answers");
    this.meter.log(events.length);
    if (events.length > 0) this.stream.push(events);
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? 0;
}
