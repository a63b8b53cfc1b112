import { ConvexError } from "convex/values";
import { ConvexClient } from "convex-lazy-views/client";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { eventually } from "../eventually";
import { answering, api } from "./app";
import { connect, connectHttp, delayBy, endsWith, envelope, follow, forwards, runs, seals, startApp } from "./setup";

const empty = { count: 0, sum: 0 };

describe("a subscription to a lazy query", () => {
  test("shows the value, and its row becomes fresh", async () => {
    const backend = await startApp();
    const { values, getCurrentValue } = follow(connect(backend), api.queries.total, { list: "a" });
    await endsWith(values, { count: 3, sum: 6 });
    expect(values).toEqual([null, { count: 3, sum: 6 }]);
    expect(getCurrentValue()).toEqual({ count: 3, sum: 6 });
    expect(runs(backend, "lazy:forward")).toBe(1);
  });

  test("follows every change", async () => {
    delayBy(0.01);
    const backend = await startApp();
    const client = connect(backend);
    const { values } = follow(client, api.queries.total, { list: "a" });
    await endsWith(values, { count: 3, sum: 6 });
    await client.mutation(api.items.add, { list: "a", n: 4 });
    await endsWith(values, { count: 4, sum: 10 });
    await client.mutation(api.items.add, { list: "a", n: 5 });
    await endsWith(values, { count: 5, sum: 15 });
    expect(runs(backend, "lazy:forward")).toBe(3);
  });

  test("forwards nothing when the row became fresh meanwhile", async () => {
    delayBy(1); // The longest delay: the row must become fresh before it is over.
    const backend = await startApp();
    const client = connect(backend);
    const { values } = follow(client, api.queries.total, { list: "a" });
    await endsWith(values, null);
    const http = connectHttp(backend);
    await http.query(api.queries.total, { list: "a" });
    await endsWith(values, { count: 3, sum: 6 });
    // Its effect is raised later, so it is forwarded after the time for the first one.
    follow(client, api.made.answer, answering(envelope(1, ["seal"])));
    await eventually(async () => expect(await forwards(backend)).toEqual([["seal"]]));
    expect(runs(backend, "lazy:forward")).toBe(1);
  });

  test("counts as one with others of the client to the same arguments", async () => {
    delayBy(0.05);
    const backend = await startApp();
    const client = connect(backend);
    const all = ["a", "a", "a", "b"].map((list) => follow(client, api.queries.total, { list }));
    for (const { values } of all.slice(0, 3)) await endsWith(values, { count: 3, sum: 6 });
    await endsWith(all[3]?.values ?? [], empty);
    expect(runs(backend, "lazy:forward")).toBe(2);
  });

  test("forwards what it has seen after it ended, and hears nothing more", async () => {
    delayBy(0.2);
    const backend = await startApp();
    const client = connect(backend);
    const { values, unsubscribe } = follow(client, api.queries.total, { list: "a" });
    await endsWith(values, null);
    unsubscribe();
    await eventually(() => expect(runs(backend, "lazy:forward")).toBe(1));
    await backend.idle();
    expect(values).toEqual([null]);
    expect(await client.query(api.queries.total, { list: "a" })).toEqual({ count: 3, sum: 6 });
  });

  test("forwards 40 seals in 3 calls", async () => {
    delayBy(0.01);
    const backend = await startApp();
    const answer = envelope("value", seals(40));
    const { values } = follow(connect(backend), api.made.answer, answering(answer));
    await endsWith(values, "value");
    await eventually(async () => expect((await forwards(backend)).flat()).toHaveLength(40));
    expect(await forwards(backend)).toHaveLength(3);
  });

  test("shows values even when nothing can be forwarded, which is logged once", async () => {
    delayBy(0.01);
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    onTestFinished(() => warn.mockRestore());
    const client = connect(await startApp());
    const { values } = follow(client, api.made.answer, answering(envelope("one", seals(40), "nowhere:forward")));
    await endsWith(values, "one");
    await eventually(() => expect(warn).toHaveBeenCalled());
    const other = follow(client, api.made.answer, answering(envelope("two", [], "nowhere:x")));
    await endsWith(other.values, "two");
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test("takes an envelope cut in half for a value", async () => {
    const backend = await startApp();
    const client = connect(backend);
    for (const answer of [
      { value: 1, seals: ["seal"], once: [] },
      { ...envelope(1, []), seals: "seal" },
    ]) {
      const { values } = follow(client, api.made.answer, answering(answer));
      await endsWith(values, answer);
    }
  });
});

describe("a plain query", () => {
  test("that refuses the mark is subscribed to without it", async () => {
    const backend = await startApp();
    const client = connect(backend);
    const { values, getCurrentValue } = follow(client, api.plain.strict, { list: "a" });
    await endsWith(values, [1, 2, 3]);
    await client.mutation(api.items.add, { list: "a", n: 4 });
    await endsWith(values, [1, 2, 3, 4]);
    expect(getCurrentValue()).toEqual([1, 2, 3, 4]);
    expect(values).toHaveLength(2);
  });

  test("is remembered", async () => {
    const backend = await startApp();
    const client = connect(backend);
    await endsWith(follow(client, api.plain.strict, { list: "a" }).values, [1, 2, 3]);
    const before = runs(backend, "plain:strict");
    await endsWith(follow(client, api.plain.strict, { list: "b" }).values, []);
    expect(runs(backend, "plain:strict") - before).toBe(1);
  });

  test("that lets the mark pass answers its value", async () => {
    const client = connect(await startApp());
    const { values } = follow(client, api.plain.loose, { list: "a" });
    await endsWith(values, [1, 2, 3]);
    await client.mutation(api.items.add, { list: "a", n: 4 });
    await endsWith(values, [1, 2, 3, 4]);
  });

  test("that fails has its own error, until it works", async () => {
    const backend = await startApp();
    const client = connect(backend);
    const { values, getCurrentValue } = follow(client, api.plain.strict, { list: "needed" });
    await eventually(() => expect(String(values.at(-1))).toContain("nothing in needed"));
    expect(getCurrentValue).toThrow("nothing in needed");
    await client.mutation(api.items.add, { list: "needed", n: 4 });
    await endsWith(values, [4]);
  });

  test("without subscribers is not run", async () => {
    const backend = await startApp();
    const client = connect(backend);
    const { values, unsubscribe } = follow(client, api.plain.strict, { list: "a" });
    await endsWith(values, [1, 2, 3]);
    unsubscribe();
    const before = runs(backend, "plain:strict");
    await client.mutation(api.items.add, { list: "a", n: 4 });
    await backend.idle();
    expect(runs(backend, "plain:strict")).toBe(before);
  });
});

test("a lazy query that fails is still lazy when it works", async () => {
  delayBy(0.01);
  const backend = await startApp();
  const client = connect(backend);
  const { values } = follow(client, api.queries.first, { list: "b" });
  await eventually(() => expect(values.at(-1)).toMatchObject({ data: { reason: "no item", list: "b" } }));
  expect(values.at(-1)).toBeInstanceOf(ConvexError);
  await client.mutation(api.items.add, { list: "b", n: 7 });
  await endsWith(values, { n: 7, total: { count: 1, sum: 7 } });
});

test("an error without a handler is reported, and other subscribers are served", async () => {
  const heard: unknown[] = [];
  const listen = (error: unknown) => heard.push(error);
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", listen);
  onTestFinished(() => {
    process.off("unhandledRejection", listen);
    for (const other of others) process.on("unhandledRejection", other);
  });
  const client = connect(await startApp());
  client.onUpdate(api.plain.strict, { list: "needed" }, () => {});
  await endsWith(follow(client, api.plain.strict, { list: "a" }).values, [1, 2, 3]);
  await eventually(() => expect(String(heard)).toContain("nothing in needed"));
});

describe("a query asked once", () => {
  test("gives its value, and forwards at once", async () => {
    delayBy(1);
    const backend = await startApp();
    const client = connect(backend);
    expect(await client.query(api.queries.total, { list: "a" })).toBeNull();
    await eventually(() => expect(runs(backend, "lazy:forward")).toBe(1));
    await backend.idle();
    expect(await client.query(api.queries.total, { list: "a" })).toEqual({ count: 3, sum: 6 });
  });

  test("gives what a subscription holds", async () => {
    const backend = await startApp();
    const client = connect(backend);
    await endsWith(follow(client, api.plain.loose, { list: "a" }).values, [1, 2, 3]);
    const before = runs(backend, "plain:loose");
    expect(await client.query(api.plain.loose, { list: "a" })).toEqual([1, 2, 3]);
    expect(runs(backend, "plain:loose")).toBe(before);
  });

  test("falls back, and has the error of the plain call", async () => {
    const client = connect(await startApp());
    await expect(client.query(api.plain.strict, { list: "needed" })).rejects.toThrow("nothing in needed");
    expect(await client.query(api.plain.strict, { list: "a" })).toEqual([1, 2, 3]);
  });
});

test("an optimistic update sees and sets plain values under plain arguments", async () => {
  delayBy(0.01);
  const backend = await startApp();
  const client = connect(backend);
  const lazy = follow(client, api.queries.total, { list: "a" });
  const plain = follow(client, api.plain.strict, { list: "a" });
  await endsWith(lazy.values, { count: 3, sum: 6 });
  await endsWith(plain.values, [1, 2, 3]);
  const [lazyBefore, plainBefore] = [lazy.values.length, plain.values.length];
  const found: unknown[] = [];
  const item = { list: "a", n: 4 };
  await client.mutation(api.items.add, item, {
    optimisticUpdate: (store, { list, n }) => {
      found.push(store.getQuery(api.queries.total, { list }));
      found.push(store.getAllQueries(api.queries.total));
      found.push(store.getAllQueries(api.plain.strict));
      store.setQuery(api.queries.total, { list }, { count: 4, sum: 0 });
      store.setQuery(api.plain.strict, { list }, [1, 2, 3, n]);
      found.push(store.getQuery(api.queries.total, { list }));
      found.push(store.getQuery(api.plain.strict, { list }));
    },
  });
  expect(found.slice(0, 5)).toEqual([
    { count: 3, sum: 6 },
    [{ args: { list: "a" }, value: { count: 3, sum: 6 } }],
    [{ args: { list: "a" }, value: [1, 2, 3] }],
    { count: 4, sum: 0 },
    [1, 2, 3, 4],
  ]);
  expect(lazy.values[lazyBefore]).toEqual({ count: 4, sum: 0 });
  expect(plain.values[plainBefore]).toEqual([1, 2, 3, 4]);
  await endsWith(lazy.values, { count: 4, sum: 10 });
  await endsWith(plain.values, [1, 2, 3, 4]);
});

test("a client that is closed forwards nothing any more", async () => {
  delayBy(0.1);
  const backend = await startApp();
  const client = connect(backend);
  await endsWith(follow(client, api.made.answer, answering(envelope(1, ["closed"]))).values, 1);
  await client.close();
  // Its effect is raised later, so it is forwarded after the time for the first one.
  follow(connect(backend), api.made.answer, answering(envelope(2, ["open"])));
  await eventually(async () => expect(await forwards(backend)).toContainEqual(["open"]));
  expect(await forwards(backend)).toEqual([["open"]]);
});

test("a disabled client does nothing, as that of convex/browser", async () => {
  const client = new ConvexClient("https://nowhere.convex.cloud", { disabled: true });
  const { getCurrentValue, unsubscribe } = client.onUpdate(api.queries.total, { list: "a" }, () => {
    throw new Error("called");
  });
  expect(getCurrentValue()).toBeUndefined();
  unsubscribe();
  await expect(client.query(api.queries.total, { list: "a" })).rejects.toThrow("disabled");
  await client.close();
});

test("what the inner client holds is plain under plain arguments, as clients of frameworks ask it", async () => {
  delayBy(0.01);
  const client = connect(await startApp());
  const held = (path: string, list: string) => client.client.localQueryResult(path, { list });
  expect(held("queries:total", "a")).toBeUndefined();
  const { values } = follow(client, api.queries.total, { list: "a" });
  await endsWith(values, { count: 3, sum: 6 });
  expect(held("queries:total", "a")).toEqual({ count: 3, sum: 6 });
  await endsWith(follow(client, api.plain.strict, { list: "a" }).values, [1, 2, 3]);
  expect(held("plain:strict", "a")).toEqual([1, 2, 3]);
  const { values: failures } = follow(client, api.plain.strict, { list: "needed" });
  await eventually(() => expect(failures).not.toEqual([]));
  expect(() => held("plain:strict", "needed")).toThrow("nothing in needed");
});
