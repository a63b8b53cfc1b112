import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { drawDelay, Forwarder } from "../../src/client/forwarder";
import { SEED } from "../seed";
import { randomNumbers } from "../simulation/engine/choices";
import { drawFor } from "./setup";

const MINUTE = 60_000;

let posted: string[][];
let forwarder: Forwarder;
let latencyMs: number;

beforeEach(() => {
  vi.useFakeTimers();
  posted = [];
  latencyMs = 0;
  forwarder = new Forwarder(
    ({ seals }) => posted.push(seals),
    () => latencyMs,
  );
  draws(1);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Fixes the random numbers from now on. */
function draws(value: number) {
  vi.spyOn(Math, "random").mockReturnValue(value);
}

const sealed = (...seals: string[]) => ({ seals, once: [] as string[], forward: "lazy:forward" });
/** An answer with other effects (`once`), and with recomputes (`seals`). */
const mixed = (once: string[], ...seals: string[]) => ({ ...sealed(...seals), once });

describe("the first forward", () => {
  test.each([
    [0.1, 200],
    [0.5, 1_000],
    [1, 2_000],
  ])("at a draw for %s of the span comes after %s ms", (share, ms) => {
    draws(drawFor(share));
    forwarder.subscribe("q").see(sealed("a"));
    vi.advanceTimersByTime(ms - 1);
    expect(posted).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(posted).toEqual([["a"]]);
  });

  test("does not come when the row became fresh meanwhile", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(sealed("a"));
    vi.advanceTimersByTime(1_999);
    subscription.see(sealed());
    vi.advanceTimersByTime(10 * MINUTE);
    expect(posted).toEqual([]);
  });

  test("does not come when the query failed meanwhile", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(sealed("a"));
    subscription.see(null);
    vi.advanceTimersByTime(10 * MINUTE);
    expect(posted).toEqual([]);
  });

  test("takes newer seals, at the time that the older ones were due", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(sealed("a", "b"));
    vi.advanceTimersByTime(1_500);
    subscription.see(sealed("a", "c"));
    vi.advanceTimersByTime(500);
    expect(posted).toEqual([["a", "c"]]);
  });

  test("comes anew for a row that is stale once more", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(sealed("a"));
    vi.advanceTimersByTime(2_000);
    subscription.see(sealed());
    subscription.see(sealed("b"));
    vi.advanceTimersByTime(2_000);
    subscription.see(sealed("c"));
    vi.advanceTimersByTime(2_000);
    expect(posted).toEqual([["a"], ["b"], ["c"]]);
  });

  test("stays due after the last subscriber went, and comes once", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(sealed("a"));
    subscription.end();
    vi.advanceTimersByTime(600 * MINUTE);
    expect(posted).toEqual([["a"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("belongs to a subscriber who came back before it was due", () => {
    const first = forwarder.subscribe("q");
    first.see(sealed("a"));
    first.end();
    const second = forwarder.subscribe("q");
    second.see(sealed("a"));
    vi.advanceTimersByTime(1_000);
    second.see(sealed());
    vi.advanceTimersByTime(1_000);
    expect(posted).toEqual([]);
  });
});

describe("repetitions", () => {
  /** When seals are forwarded within three hours, in minutes after the first forward. */
  function forwardedAt(): number[] {
    vi.advanceTimersByTime(2_000);
    const times: number[] = [];
    let seen = posted.length;
    for (let minutes = 0.25; minutes <= 180; minutes += 0.25) {
      vi.advanceTimersByTime(MINUTE / 4);
      if (posted.length > seen) times.push(minutes);
      seen = posted.length;
    }
    return times;
  }

  test("come after 1, 2, 4 … minutes, and an hour at most", () => {
    forwarder.subscribe("q").see(sealed("a"));
    expect(forwardedAt()).toEqual([1, 3, 7, 15, 31, 63, 123]);
    expect(new Set(posted.map(String))).toEqual(new Set(["a"]));
  });

  test("come after half as long at the lowest draw", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(sealed("a"));
    draws(0);
    expect(forwardedAt().slice(0, 4)).toEqual([0.5, 1.5, 3.5, 7.5]);
  });

  test("are not put off by an answer with the same seals", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(sealed("a"));
    vi.advanceTimersByTime(2_000 + MINUTE - 1);
    subscription.see(sealed("a"));
    vi.advanceTimersByTime(1);
    expect(posted).toEqual([["a"], ["a"]]);
  });

  test("begin again with other seals", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(sealed("a"));
    vi.advanceTimersByTime(2_000 + 3 * MINUTE);
    subscription.see(sealed("b"));
    vi.advanceTimersByTime(2_000 + MINUTE);
    expect(posted).toEqual([["a"], ["a"], ["a"], ["b"], ["b"]]);
  });

  test("end when the row is fresh, and with the last subscriber", () => {
    const first = forwarder.subscribe("q");
    const second = forwarder.subscribe("q");
    const other = forwarder.subscribe("other");
    first.see(sealed("a"));
    other.see(sealed("b"));
    vi.advanceTimersByTime(2_000);
    first.end();
    vi.advanceTimersByTime(MINUTE);
    expect(posted).toEqual([["a"], ["b"], ["a"], ["b"]]);
    second.end();
    other.see(sealed());
    vi.advanceTimersByTime(600 * MINUTE);
    expect(posted).toHaveLength(4);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("effects that are no recomputes", () => {
  test("are forwarded once, however long their query's answer stays", () => {
    const subscription = forwarder.subscribe("q");
    const answer = mixed(["view"]);
    subscription.see(answer);
    forwarder.subscribe("q").see(answer);
    vi.advanceTimersByTime(600 * MINUTE);
    subscription.see(answer);
    vi.advanceTimersByTime(600 * MINUTE);
    expect(posted).toEqual([["view"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("are forwarded for each answer of its own, as the query has run again", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(mixed(["view"]));
    vi.advanceTimersByTime(10 * MINUTE);
    subscription.see(mixed(["view"]));
    vi.advanceTimersByTime(10 * MINUTE);
    expect(posted).toEqual([["view"], ["view"]]);
  });

  test("go along with recomputes, of which alone there are repetitions", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(mixed(["view"], "a"));
    vi.advanceTimersByTime(2_000 + MINUTE);
    expect(posted).toEqual([["view", "a"], ["a"]]);
    subscription.see(mixed(["view"], "a"));
    vi.advanceTimersByTime(2_000 + 4 * MINUTE);
    expect(posted.slice(2)).toEqual([["view", "a"], ["a"]]);
  });

  test("stay due when the next answer has none, and when the query fails", () => {
    const subscription = forwarder.subscribe("q");
    subscription.see(mixed(["view"], "a"));
    subscription.see(sealed());
    subscription.see(null);
    vi.advanceTimersByTime(10 * MINUTE);
    expect(posted).toEqual([["view"]]);
  });
});

describe("among 200 clients that see the same at once", () => {
  /** How many clients forward, when the effect of the first forward silences those that are later. */
  function forwards(latencyMs: number, silenceMs: number): number {
    const delays = Array.from({ length: 200 }, () => drawDelay(latencyMs));
    const first = Math.min(...delays);
    return delays.filter((delay) => delay <= first + silenceMs).length;
  }

  test.each([50, 1_000, 10_000])("at most 20 forward, when a server answers after %s ms", (latencyMs) => {
    vi.mocked(Math.random).mockImplementation(randomNumbers(SEED));
    const counts = Array.from({ length: 1_000 }, () => forwards(latencyMs, 2 * latencyMs));
    expect(counts.filter((count) => count > 20).length).toBeLessThan(5);
    expect(counts.reduce((sum, count) => sum + count, 0) / counts.length).toBeLessThan(4);
  });

  test("all have forwarded after two seconds where the server is fast, and after 12 of its answers where it is slow", () => {
    draws(1 - Number.EPSILON / 2);
    expect([0, 1, 166, 1_000, 10_000].map(drawDelay)).toEqual([2_000, 2_000, 2_000, 12_000, 120_000]);
    expect(drawDelay(Number.MAX_SAFE_INTEGER)).toBe(300_000);
  });

  test("a delay follows what the server took last", () => {
    const subscription = forwarder.subscribe("q");
    latencyMs = 10_000;
    subscription.see(sealed("a"));
    vi.advanceTimersByTime(119_999);
    expect(posted).toEqual([]);
    vi.advanceTimersByTime(1);
    subscription.see(sealed());
    latencyMs = 100;
    subscription.see(sealed("b"));
    vi.advanceTimersByTime(2_000);
    expect(posted).toEqual([["a"], ["b"]]);
  });
});

test("subscribers of one query and arguments count as one, others do not", () => {
  for (const key of ["q", "q", "q", "other"]) forwarder.subscribe(key).see(sealed("a"));
  vi.advanceTimersByTime(2_000);
  expect(posted).toEqual([["a"], ["a"]]);
});

test("after it is closed nothing is forwarded", () => {
  const subscription = forwarder.subscribe("q");
  subscription.see(sealed("a"));
  vi.advanceTimersByTime(2_000);
  forwarder.subscribe("other").see(sealed("b"));
  forwarder.close();
  vi.advanceTimersByTime(600 * MINUTE);
  expect(posted).toEqual([["a"]]);
});
