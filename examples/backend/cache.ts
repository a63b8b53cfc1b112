import type { JSONValue } from "convex/values";
import type { LogLine } from "./console";
import type { IdentityType, Outcome } from "./execution";
import type { Change, ReadSet } from "./readSet";

/** A query's result. While it is valid, the query would return it again. */
export interface QueryResult {
  /** Equal for calls that may have the same answer: `callKey` makes it. */
  key: string;
  /** The function, as `qualify` names it. */
  path: string;
  component: string;
  identityType: IdentityType;
  args: JSONValue;
  /** The request that it was computed for. */
  requestId: string;
  outcome: Outcome;
  lines: readonly LogLine[];
  /** When it ran, in milliseconds since 1970, and for how long. */
  startedAt: number;
  durationMs: number;
  reads: ReadSet;
  /** The timestamp that it ran at. It also holds at every later timestamp, until it is invalidated. */
  ts: bigint;
  valid: boolean;
}

/**
 * The clock of the database, and the valid results of queries. A result is valid until a
 * transaction writes what it read. As in Convex, an error is served only to the caller that it
 * was computed for.
 */
export class QueryCache {
  private readonly shared = new Map<string, QueryResult>();
  /** Every valid result, shared or not, since subscribers wait for it to become invalid. */
  private readonly live = new Set<QueryResult>();
  private readonly listeners = new Set<() => void>();
  private latest = now();

  /** The timestamp of the last change. */
  get ts(): bigint {
    return this.latest;
  }

  /** A valid result for a call with this key. */
  find(key: string): QueryResult | null {
    return this.shared.get(key) ?? null;
  }

  /** Adds a result. Call it inside the transaction that computed the result. */
  add(result: QueryResult): void {
    this.live.add(result);
    if (result.outcome.success) this.shared.set(result.key, result);
  }

  /** Forgets a result without a holder, unless the cache may serve it to others. */
  release(result: QueryResult): void {
    if (!result.outcome.success) this.live.delete(result);
  }

  /**
   * Gives a transaction its timestamp and drops the results that it invalidates. Call it at
   * the end of the transaction, while no other code can read.
   */
  commit(changes: readonly Change[]): bigint {
    if (changes.length === 0) return this.latest;
    const time = now();
    this.latest = time > this.latest ? time : this.latest + 1n;
    let invalidated = false;
    for (const result of this.live) {
      if (!result.reads.intersects(changes)) continue;
      invalidated = true;
      result.valid = false;
      this.live.delete(result);
      if (this.shared.get(result.key) === result) this.shared.delete(result.key);
    }
    if (invalidated) for (const listener of this.listeners) listener();
    return this.latest;
  }

  /** Forgets all results, without a call of the listeners. */
  clear(): void {
    for (const result of this.live) result.valid = false;
    this.live.clear();
    this.shared.clear();
  }

  /** Calls `listener` after results have become invalid. Returns a function that ends this. */
  onInvalidation(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** Convex's timestamps are nanoseconds since the epoch. */
function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
