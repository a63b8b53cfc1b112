import type { QueryResult } from "./cache";
import { callKey, type FunctionCall } from "./functionCall";
import type { Reporter } from "./reporter";
import type { Runtime } from "./runtime";

/** A caller or a subscription with the result that it has. */
export interface QueryHolder extends FunctionCall {
  result: QueryResult | null;
}

/** Answers queries, from the cache where it can. */
export class QueryRunner {
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly runtime: Runtime,
    private readonly reporter: Reporter,
  ) {}

  /**
   * Gives every holder a result that is valid at one timestamp, and returns that timestamp.
   * Holders with a valid result keep it. The queries of all others run in one read transaction,
   * so a session with many queries becomes up to date even during a stream of writes.
   *
   * Callers take turns: if many wait for the same query, the first runs it and the others find
   * the result in the cache. They wait here, because convex-test's own queue wakes all its
   * waiters for each turn.
   */
  async refresh(holders: readonly QueryHolder[], caller: "client" | "http"): Promise<bigint> {
    const turn = this.turn.then(() => this.bringUpToDate(holders, caller));
    this.turn = turn.catch(() => {});
    return await turn;
  }

  private async bringUpToDate(holders: readonly QueryHolder[], caller: "client" | "http"): Promise<bigint> {
    const { cache } = this.runtime;
    const isStale = (holder: QueryHolder) => !holder.result?.valid && !this.serveFromCache(holder, caller);
    if (!holders.some(isStale)) return cache.ts;
    let ts = cache.ts;
    await this.runtime.snapshot(async () => {
      for (const holder of holders) {
        if (isStale(holder)) holder.result = await this.runtime.query(holder, caller);
      }
      ts = cache.ts;
    });
    return ts;
  }

  private serveFromCache(holder: QueryHolder, caller: "client" | "http"): boolean {
    const found = this.runtime.cache.find(callKey(holder));
    if (found === null) return false;
    holder.result = found;
    this.reporter.replay(found, caller);
    return true;
  }
}
