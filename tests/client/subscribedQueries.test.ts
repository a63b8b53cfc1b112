import type { Value } from "convex/values";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { Args } from "../../src/client/askOnce";
import { SubscribedQueries, type SubscribedQuery } from "../../src/client/subscribedQueries";
import { drawFor, envelope } from "./setup";

/*
 * Which queries are subscribed to, and when subscribers are called. The test's own client delivers answers one by one.
 */

const list = { list: "a" };
type Asked = "marked" | "plain";
type Result = { answer: Value } | { error: string };

let results: Partial<Record<Asked, Result>>;
let listeners: Record<Asked, Set<() => void>>;
let forwarded: string[][];
let queries: SubscribedQueries;

beforeEach(() => {
  results = {};
  listeners = { marked: new Set(), plain: new Set() };
  forwarded = [];
  queries = new SubscribedQueries(async (_, seals) => forwarded.push(seals));
});

afterEach(() => {
  queries.close();
});

const askedBy = (args: Args): Asked => ("lazyViews" in args ? "marked" : "plain");

const query: SubscribedQuery = {
  name: "queries:total",
  args: list,
  subscribe(args, onChange) {
    const listener = () => onChange();
    listeners[askedBy(args)].add(listener);
    return () => listeners[askedBy(args)].delete(listener);
  },
  result(args) {
    const result = results[askedBy(args)];
    if (result !== undefined && "error" in result) throw new Error(result.error);
    return result?.answer;
  },
};

/** Delivers results to the client in one update. */
function arrives(told: Partial<Record<Asked, Result>>) {
  results = { ...results, ...told };
  for (const asked of Object.keys(told) as Asked[]) for (const tell of listeners[asked]) tell();
}

const subscribed = () => [listeners.marked.size, listeners.plain.size];
const answer = (value: Value): Result => ({ answer: value });
const failure = (error: string): Result => ({ error });

const refusal = failure(
  "[CONVEX Q(queries:total)] [Request ID: 0123456789abcdef] Server Error\n" +
    "ArgumentValidationError: Object contains extra field `lazyViews` that is not in the validator.\n",
);
const redacted = failure("[CONVEX Q(queries:total)] [Request ID: 0123456789abcdef] Server Error\n  Called by client");
const timeOut = failure(
  "[CONVEX Q(queries:total)] [Request ID: 0123456789abcdef] Server Error\nFunction execution timed out\n",
);

test("a query that takes the mark is never asked without", () => {
  const heard = vi.fn();
  const end = queries.subscribe(query, heard);
  expect(queries.read(query)).toBeUndefined();
  arrives({ marked: answer(envelope(1, [])) });
  expect(queries.read(query)).toBe(1);
  expect(subscribed()).toEqual([1, 0]);
  expect(heard).toHaveBeenCalledTimes(1);
  end();
  expect(subscribed()).toEqual([0, 0]);
});

test("a query that refuses it is asked without, and nothing is heard until that answer", () => {
  const heard = vi.fn();
  const end = queries.subscribe(query, heard);
  arrives({ marked: refusal });
  expect(heard).not.toHaveBeenCalled();
  expect(queries.read(query)).toBeUndefined();
  expect(subscribed()).toEqual([1, 1]);
  arrives({ plain: answer(1) });
  expect(heard).toHaveBeenCalledTimes(1);
  expect(queries.read(query)).toBe(1);
  expect(subscribed()).toEqual([0, 1]);
  arrives({ plain: answer(2) });
  expect(heard).toHaveBeenCalledTimes(2);
  end();
  expect(subscribed()).toEqual([0, 0]);
});

test("a query that fails in production is plain when it works without the mark", () => {
  queries.subscribe(query, () => {});
  arrives({ marked: redacted });
  arrives({ plain: answer(1) });
  expect(subscribed()).toEqual([0, 1]);
});

test("a query that fails for a reason of its own is marked still, though it works without the mark", () => {
  const heard = vi.fn();
  queries.subscribe(query, heard);
  arrives({ marked: timeOut });
  arrives({ plain: answer(1) });
  expect(heard).toHaveBeenCalledTimes(1);
  expect(queries.read(query)).toBe(1);
  expect(subscribed()).toEqual([1, 1]);
  arrives({ marked: answer(envelope(2, [])), plain: answer(2) });
  expect(queries.read(query)).toBe(2);
  expect(subscribed()).toEqual([1, 0]);
});

test("seals wait for a time that depends on how long the server takes to answer", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  vi.spyOn(Math, "random").mockReturnValue(drawFor(0.5));
  onTestFinished(() => void vi.restoreAllMocks());
  queries.subscribe(query, () => {});
  vi.advanceTimersByTime(10_000);
  arrives({ marked: answer(envelope(1, ["seal"])) });
  // Another subscriber gets the answer from the client, so this is no measure of the server's speed.
  queries.subscribe(query, () => {});
  vi.advanceTimersByTime(59_999);
  expect(forwarded).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(forwarded).toEqual([["seal"]]);
});

test("a failure that is over after a while is no measure of the server's speed", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  vi.spyOn(Math, "random").mockReturnValue(drawFor(1));
  onTestFinished(() => void vi.restoreAllMocks());
  queries.subscribe(query, () => {});
  arrives({ marked: timeOut });
  queries.subscribe(query, () => {});
  vi.advanceTimersByTime(60_000);
  arrives({ marked: answer(envelope(1, ["seal"])) });
  vi.advanceTimersByTime(2_000);
  expect(forwarded).toEqual([["seal"]]);
});

test("once a forward was answered at once, seals wait no longer for a slow first answer", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  vi.spyOn(Math, "random").mockReturnValue(drawFor(1));
  onTestFinished(() => void vi.restoreAllMocks());
  queries.subscribe(query, () => {});
  vi.advanceTimersByTime(10_000);
  arrives({ marked: answer(envelope(1, ["first"])) });
  await vi.advanceTimersByTimeAsync(120_000);
  arrives({ marked: answer(envelope(2, ["second"])) });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(forwarded).toEqual([["first"], ["second"]]);
});

test("while both fail both are kept, and the mark's success ends the other", () => {
  const heard = vi.fn();
  const end = queries.subscribe(query, heard);
  arrives({ marked: refusal });
  arrives({ plain: failure("its own error") });
  expect(() => queries.read(query)).toThrow("its own error");
  expect(subscribed()).toEqual([1, 1]);
  arrives({ marked: answer(envelope(1, [])), plain: answer(1) });
  expect(queries.read(query)).toBe(1);
  expect(subscribed()).toEqual([1, 0]);
  end();
  expect(subscribed()).toEqual([0, 0]);
});

test("a subscriber who comes while both fail has both as well", () => {
  queries.subscribe(query, () => {});
  arrives({ marked: refusal, plain: failure("its own error") });
  const heard = vi.fn();
  queries.subscribe(query, heard);
  expect(subscribed()).toEqual([2, 2]);
  arrives({ plain: answer(1) });
  expect(heard).toHaveBeenCalledTimes(1);
  expect(subscribed()).toEqual([0, 2]);
});

test("asking once ends what it subscribed to, and forwards", async () => {
  const asked = queries.once(query);
  arrives({ marked: answer(envelope(1, ["seal"])) });
  await expect(asked).resolves.toBe(1);
  expect(subscribed()).toEqual([0, 0]);
  expect(forwarded).toEqual([["seal"]]);
});

test("asking once falls back, and has the error of the plain query", async () => {
  const asked = queries.once(query);
  arrives({ marked: refusal });
  arrives({ plain: failure("its own error") });
  await expect(asked).rejects.toThrow("its own error");
  expect(subscribed()).toEqual([0, 0]);
});

test("asking once takes what a subscriber holds, whose seals are not forwarded for it", async () => {
  queries.subscribe(query, () => {});
  arrives({ marked: answer(envelope(1, ["seal"])) });
  await expect(queries.once(query)).resolves.toBe(1);
  expect(subscribed()).toEqual([1, 0]);
  expect(forwarded).toEqual([]);
});
