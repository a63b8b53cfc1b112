import type { JSONValue } from "convex/values";
import type { Backend, Ended } from "./backend.js";
import type { LogEvent } from "./logStream.js";
import type { Commit } from "./store.js";

/** How long Convex serves a result that depends on the clock. */
const MAX_CLOCKED_AGE_MS = 5_000;

/** A query with its arguments, its subscribers, and its last result. */
interface Shared<Deployment> {
  path: string;
  args: JSONValue;
  subscribers: number;
  /** Called for every result. */
  listeners: Set<() => void>;
  ended: Ended<Deployment> | null;
  isValid: boolean;
  isRunning: boolean;
}

/**
 * Convex's query cache and its subscribers. A result is valid until a commit writes what its query read; then the query
 * runs again for its subscribers, once for all of them. The other subscribers, and later ones, are served from the
 * cache, and the console lines are sent again for each.
 */
export class Subscriptions<Deployment> {
  private readonly all = new Map<string, Shared<Deployment>>();

  /**
   * @param send - Takes the console lines of each completion, also when there are none.
   * @param onAnswer - Called for every result that readers get, also from the cache: once for all subscribers.
   */
  constructor(
    private readonly backend: Backend<Deployment>,
    private readonly send: (events: LogEvent[], path: string) => void,
    private readonly onAnswer: (ended: Ended<Deployment>, isCached: boolean) => void,
  ) {}

  /** The last results of all watched queries. */
  *results(): Generator<Ended<Deployment>> {
    for (const { ended, subscribers } of this.all.values()) {
      if (ended !== null && subscribers > 0) yield ended;
    }
  }

  /**
   * Watches a query.
   *
   * @param onResult - Called when it has run, also when its result is the same as before.
   * @returns A function that ends the subscription.
   */
  subscribe(path: string, args: JSONValue, onResult: () => void = () => {}): () => void {
    const shared = this.find(path, args);
    const listener = () => onResult();
    // The first subscriber has not seen earlier results.
    if (shared.subscribers === 0 && this.cached(shared) === null) shared.ended = null;
    shared.subscribers++;
    shared.listeners.add(listener);
    this.serve(shared);
    return () => {
      if (shared.listeners.delete(listener)) shared.subscribers--;
    };
  }

  /** The result of a query as of the last commit; null while it runs. */
  resultOf(path: string, args: JSONValue): Ended<Deployment> | null {
    const { ended, isRunning, isValid } = this.find(path, args);
    return isRunning || !isValid ? null : ended;
  }

  /** Whether a query is watched, and its readers have a result of this snapshot or a later one. */
  isWatched(path: string, args: JSONValue, snapshot: number): boolean {
    const { subscribers, ended } = this.find(path, args);
    return subscribers > 0 && ended !== null && ended.snapshot >= snapshot;
  }

  /** Asks once, without watching. */
  ask(path: string, args: JSONValue): void {
    this.serve(this.find(path, args));
  }

  /** Runs failed queries again for their subscribers: a variable of the deployment has changed. */
  runFailedAgain(): void {
    for (const shared of this.all.values()) {
      if (shared.subscribers > 0 && shared.ended !== null && "error" in shared.ended.result) void this.compute(shared);
    }
  }

  /** Ends all subscriptions. */
  stop(): void {
    for (const shared of this.all.values()) {
      shared.subscribers = 0;
      shared.listeners.clear();
    }
  }

  /** Runs a query for an action, which waits for its result. */
  async forAction(path: string, args: JSONValue): Promise<Ended<Deployment>> {
    const shared = this.find(path, args);
    const cached = this.cached(shared);
    if (cached !== null) {
      this.send(cachedEvents(cached), path);
      return cached;
    }
    const ended = await this.backend.query(path, args);
    if (!shared.isRunning) this.keep(shared, ended);
    this.send(eventsOf(ended), path);
    return ended;
  }

  /** Invalidates the results that read what the commit wrote, and runs watched queries again. */
  onCommit(commit: Commit): void {
    for (const shared of this.all.values()) {
      if (!shared.isValid || !shared.ended?.reads.intersects(commit.changes)) continue;
      shared.isValid = false;
      if (shared.subscribers > 0) void this.compute(shared);
    }
  }

  private serve(shared: Shared<Deployment>): void {
    const cached = this.cached(shared);
    if (cached === null) void this.compute(shared);
    else {
      this.onAnswer(cached, true);
      this.send(cachedEvents(cached), shared.path);
    }
  }

  private async compute(shared: Shared<Deployment>): Promise<void> {
    if (shared.isRunning) return;
    shared.isRunning = true;
    const ended = await this.backend.query(shared.path, shared.args);
    shared.isRunning = false;
    this.keep(shared, ended);
    this.onAnswer(ended, false);
    this.send(eventsOf(ended), shared.path);
    for (let i = 1; i < shared.subscribers; i++) this.send(cachedEvents(ended), shared.path);
    for (const listener of [...shared.listeners]) listener();
    if (!shared.isValid && shared.subscribers > 0) void this.compute(shared);
  }

  private keep(shared: Shared<Deployment>, ended: Ended<Deployment>): void {
    const { commits } = this.backend.store;
    shared.ended = ended;
    shared.isValid = !commits.slice(ended.snapshot).some(({ changes }) => ended.reads.intersects(changes));
  }

  /**
   * The cached result; null when the query must run. A result that depends on the clock expires, and an error is not
   * kept, since the deployment's variables may have changed.
   */
  private cached({ isValid, ended }: Shared<Deployment>): Ended<Deployment> | null {
    if (!isValid || ended === null || "error" in ended.result) return null;
    const isOld = ended.readClock && this.backend.now() - ended.begunAt > MAX_CLOCKED_AGE_MS;
    return isOld ? null : ended;
  }

  private find(path: string, args: JSONValue): Shared<Deployment> {
    const name = `${path} ${JSON.stringify(args)}`;
    let shared = this.all.get(name);
    if (shared === undefined) {
      shared = { path, args, subscribers: 0, listeners: new Set(), ended: null, isValid: false, isRunning: false };
      this.all.set(name, shared);
    }
    return shared;
  }
}

function cachedEvents(ended: Ended<unknown>): LogEvent[] {
  return eventsOf(ended).map((event) => ({ ...event, cached: true }));
}

function eventsOf({ lines, snapshot }: Ended<unknown>): LogEvent[] {
  return lines.map((line) => {
    const { timestamp } = line;
    return { line, timestamp, snapshot, cached: false, isDelivered: false };
  });
}
