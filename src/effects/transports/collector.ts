/*
 * In an app with only the transport `client`, effects of a call that is not marked go nowhere: there is no client to
 * forward them. A test that plays the client leaves its collector here.
 */

/** Gets the seals of a query, and the path of the mutation that takes them. */
export type Collector = (seals: readonly string[], forward: string) => void;

const COLLECTOR = Symbol.for("convex-lazy-views.collector");
const realm = globalThis as { [COLLECTOR]?: Collector | undefined };

export function findCollector(): Collector | undefined {
  return realm[COLLECTOR];
}

/** @returns Puts back what was there before. */
export function leaveCollector(collector: Collector): () => void {
  const before = realm[COLLECTOR];
  realm[COLLECTOR] = collector;
  return () => {
    realm[COLLECTOR] = before;
  };
}
