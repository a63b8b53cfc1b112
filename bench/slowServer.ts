import type { Value } from "convex/values";
import { SubscribedQueries, type SubscribedQuery } from "../src/client/subscribedQueries";
import { UNSTORABLE } from "../src/effects/transports/envelope";
import { randomNumbers } from "../tests/simulation/engine/choices";

const STALE: Value = { value: 0, seals: ["a recompute"], once: [], forward: "lazy:forward", lazyViews: UNSTORABLE };
const FRESH: Value = { ...(STALE as object), value: 1, seals: [] };

/**
 * Counts the clients that forward, of those that subscribe to one stale row, when each step of the server takes
 * `latencyMs`: the first answer, a forward, and the answer after it. Time is virtual; `seed` determines the delays.
 */
export async function countSlowForwards(sizes: { clients: number; latencyMs: number; seed: number }): Promise<number> {
  const { clients, latencyMs, seed } = sizes;
  const clock = new Clock();
  const { setTimeout, clearTimeout } = globalThis;
  const { now } = Date;
  const { random } = Math;
  globalThis.setTimeout = ((run: () => void, ms: number) => clock.add(run, ms)) as unknown as typeof setTimeout;
  globalThis.clearTimeout = ((id: number) => clock.timers.delete(id)) as typeof clearTimeout;
  Date.now = () => clock.now;
  Math.random = randomNumbers(seed);
  try {
    let forwards = 0;
    const seen: (Value | undefined)[] = Array.from({ length: clients });
    const listeners: (() => void)[] = [];
    const send = (answer: Value) => {
      seen.fill(answer);
      for (const listener of listeners) listener();
    };
    const later = () => new Promise<void>((resolve) => clock.add(resolve, latencyMs));
    const forward = async () => {
      forwards++;
      await later();
      if (seen[0] === STALE) clock.add(() => send(FRESH), latencyMs);
    };
    for (let i = 0; i < clients; i++) {
      const query: SubscribedQuery = {
        name: "reads:watched",
        args: {},
        subscribe: (_, onChange) => {
          listeners.push(onChange);
          return () => {};
        },
        result: () => seen[i],
      };
      new SubscribedQueries(forward).subscribe(query, () => {});
    }
    clock.add(() => send(STALE), latencyMs);
    await clock.run();
    return forwards;
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
    Date.now = now;
    Math.random = random;
  }
}

/** Virtual time, which jumps to the next timer. */
class Clock {
  now = 0;
  readonly timers = new Map<number, { at: number; run: () => void }>();
  private lastId = 0;

  add(run: () => void, ms: number): number {
    this.timers.set(++this.lastId, { at: this.now + ms, run });
    return this.lastId;
  }

  /** Runs every timer and the promises that it settles, until no timer is left. */
  async run(): Promise<void> {
    while (this.timers.size > 0) {
      const [[id, { at, run }]] = [...this.timers].sort(([, a], [, b]) => a.at - b.at) as [
        [number, { at: number; run: () => void }],
      ];
      this.timers.delete(id);
      this.now = at;
      run();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
