import { convexToJson, type JSONValue } from "convex/values";
import { beforeAll, expect, test } from "vitest";
import { logLine } from "../../../examples/backend/console";
import type { Deployment } from "../app.js";
import { compileApp } from "../compileApp.js";
import { Backend, type Ended, Isolates, type Weather } from "./backend.js";
import { Choices } from "./choices.js";
import { type LogEvent, LogStream } from "./logStream.js";
import { Loop } from "./loop.js";
import type { Program } from "./program.js";
import { Subscriptions } from "./subscriptions.js";

const CALM: Weather = {
  schedulerLag: () => 0,
  snapshotAge: () => 0,
  actionDeath: () => null,
  conflictRest: () => 0,
};
const SOURCES: Deployment = {
  guard: "sources",
  mode: "transaction",
  isLeased: false,
  isLimited: false,
  isEvicting: false,
  version: 1,
  isCompatible: false,
  transports: ["logStream"],
};

let program: Program;
beforeAll(async () => {
  program = await compileApp();
});

/** A backend whose executions take turns evenly, in an order that depends on `seed`. */
function start(seed: number, weather = CALM) {
  const choices = new Choices({ seed });
  const loop = new Loop(choices, Date.UTC(2026, 0, 1), 0);
  const ended: Ended<Deployment>[] = [];
  const conflicts: string[] = [];
  let subscriptions: Subscriptions<Deployment> | undefined;
  const backend = new Backend(new Isolates<Deployment>(program), SOURCES, loop, choices, weather, {
    onCommit: (commit) => subscriptions?.onCommit(commit),
    onConflict: (path, _, { table }) => conflicts.push(`${path}: ${table}`),
    onEnd: (_, each) => ended.push(each),
  });
  backend.env = { LAZY_VIEWS_SECRET: "0123456789abcdef0123456789abcdef" };
  const documents = (table: string) =>
    [...backend.store.scan(table, backend.store.latest)].map(({ document }) => document);
  const watch = (send: (events: LogEvent[]) => void) => {
    subscriptions = new Subscriptions(backend, send, () => {});
    return subscriptions;
  };
  return { loop, backend, ended, conflicts, documents, watch };
}

const item = (n: number): { [name: string]: JSONValue } => ({ list: "a", color: "x", n });

test("of two mutations that read what the other writes, one is run again", async () => {
  const { loop, backend, conflicts, documents } = start(1);
  const both = [1, 2].map(() => backend.mutation("app:refresh", { group: "a" }));
  await loop.pass(0);
  await Promise.all(both);
  expect(conflicts).toEqual(["app:refresh: groups"]);
  const [row, ...others] = documents("groups");
  expect(others).toEqual([]);
  // The later mutation has seen the commit of the other.
  expect(row?.asOf).toBeGreaterThan(0n);
});

test("whatever the order of turns, a row is what one order of the mutations gives", async () => {
  let retries = 0;
  for (let seed = 0; seed < 60; seed++) {
    const { loop, backend, ended, documents } = start(seed);
    await Promise.all([backend.mutation("app:refresh", { group: "a" }), loop.pass(0)]);
    const calls = [1, 2, 3].map((n) => backend.mutation("app:add", item(n)));
    calls.push(backend.mutation("app:refresh", { group: "a" }));
    await Promise.all([...calls, loop.pass(0)]);
    retries += ended.reduce((sum, each) => sum + each.retries, 0);
    const [row] = documents("groups") as unknown as { value: { ns: number[] }; dirtyAt?: number }[];
    expect(row?.dirtyAt !== undefined || row?.value.ns.length === 3).toBe(true);
    expect(documents("items")).toHaveLength(3);
  }
  expect(retries).toBeGreaterThan(0);
});

test("mutations that only insert, and queries, never conflict", async () => {
  const { loop, backend, conflicts, documents } = start(2);
  const calls = [1, 2, 3, 4].map((n) => backend.mutation("app:add", item(n)));
  const read = backend.query("app:read", { group: "a" });
  await Promise.all([...calls, read, loop.pass(0)]);
  expect(conflicts).toEqual([]);
  expect(documents("items")).toHaveLength(4);
});

test("a query sees the snapshot that it began with", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { loop, backend } = start(seed);
    await Promise.all([backend.mutation("app:refresh", { group: "a" }), loop.pass(0)]);
    const readNow = () => backend.query("app:read", { group: "a" });
    const [before] = await Promise.all([readNow(), loop.pass(0)]);
    const read = readNow();
    const write = backend.mutation("app:add", item(1));
    await Promise.all([write, loop.pass(0)]);
    const { result, snapshot } = await read;
    const state = snapshot === before.snapshot ? "fresh" : "stale";
    expect(result).toMatchObject({ value: { state } });
  }
});

test("what a sub-mutation writes is gone when it throws, and its caller goes on", async () => {
  const { loop, backend, documents } = start(3);
  const args = { first: item(1), second: item(2), rollBack: true };
  await Promise.all([backend.mutation("app:addNested", args), loop.pass(0)]);
  expect(documents("items")).toMatchObject([{ n: 2 }]);
});

test("a scheduled function starts when its scheduler has committed, at its time, and runs once", async () => {
  const { loop, backend, ended, documents } = start(4, { ...CALM, schedulerLag: () => 700 });
  const target = "lazy:recompute";
  const effects = [{ target, args: { view: "groups", args: { group: "a" } }, windowMs: 10, seen: convexToJson(0n) }];
  await Promise.all([backend.mutation("lazy:dispatch", { effects }), loop.pass(699)]);
  expect(documents("_scheduled_functions")[0]).toMatchObject({ state: { kind: "pending" } });
  await loop.pass(5_000);
  expect(ended.filter(({ path }) => path === target)).toHaveLength(1);
  expect(documents("_scheduled_functions")[0]).toMatchObject({ state: { kind: "success" } });
});

test("new code makes mutations that run the old one run again", async () => {
  const { loop, backend, conflicts, documents } = start(5);
  const write = backend.mutation("app:refresh", { group: "a" });
  await loop.run(3);
  backend.deploy({ ...SOURCES, version: 2 });
  await Promise.all([write, loop.pass(0)]);
  expect(conflicts).toEqual(["app:refresh: _code"]);
  expect(documents("groups")).toMatchObject([{ version: 2 }]);
});

test("a query runs once for all its subscribers, and its lines are sent for each", async () => {
  const { loop, backend, ended, watch } = start(6);
  const sent: LogEvent[] = [];
  const subscriptions = watch((events) => sent.push(...events));
  for (let i = 0; i < 3; i++) subscriptions.subscribe("app:read", { group: "a" });
  await loop.pass(0);
  expect(ended).toHaveLength(1);
  expect(sent.map(({ cached }) => cached)).toEqual([false, true, true]);

  await Promise.all([backend.mutation("app:refresh", { group: "b" }), loop.pass(0)]);
  const reads = () => ended.filter(({ path }) => path === "app:read");
  expect(reads()).toHaveLength(1);
  await Promise.all([backend.mutation("app:refresh", { group: "a" }), loop.pass(0)]);
  expect(reads()).toHaveLength(2);
});

test("the log stream sends batches of 128, drops what its buffer does not hold, and tries again", async () => {
  const { loop } = start(7);
  const sizes: number[] = [];
  let status = 503;
  const stream = new LogStream(
    loop,
    "secret",
    async () => {
      const answer = status;
      status = 200;
      return { status: answer, body: "" };
    },
    () => [0],
    (events) => sizes.push(events.length),
  );
  const line = logLine("DEBUG", ["x"], "");
  const event = { line, timestamp: 0, cached: false, snapshot: 0, isDelivered: false };
  stream.push(Array.from({ length: 4_100 }, () => event));
  await loop.pass(4_999);
  expect(sizes).toEqual([]);
  await loop.pass(1);
  expect(sizes).toEqual(Array.from({ length: 32 }, () => 128));
  await loop.pass(1_000);
  expect(sizes).toHaveLength(33);
});
