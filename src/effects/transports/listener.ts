/*
 * In an app with only the transport `client`, effects of a call that is not marked go nowhere: there is no client to
 * forward them. A test that plays the client leaves a listener here.
 */

/** Gets the seals of a query, and the path of the mutation that takes them. */
export type Listener = (seals: readonly string[], forward: string) => void;

const LISTENER = Symbol.for("convex-lazy-views.collector");
const realm = globalThis as { [LISTENER]?: Listener | undefined };

export function findListener(): Listener | undefined {
  return realm[LISTENER];
}

/** @returns Puts back what was there before. */
export function leaveListener(listener: Listener): () => void {
  const before = realm[LISTENER];
  realm[LISTENER] = listener;
  return () => {
    realm[LISTENER] = before;
  };
}
