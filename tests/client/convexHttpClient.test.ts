import { ConvexError } from "convex/values";
import { ConvexHttpClient } from "convex-lazy-views/client";
import { expect, onTestFinished, test, vi } from "vitest";
import { eventually } from "../eventually";
import { api } from "./app";
import { connectHttp, envelope, forwards, runs, seals, startApp } from "./setup";

test("a query's value comes out of its envelope, and its row becomes fresh", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  expect(await client.query(api.queries.total, { list: "a" })).toBeNull();
  await client.forwarded();
  await backend.idle();
  expect(await client.query(api.queries.total, { list: "a" })).toEqual({ count: 3, sum: 6 });
  expect(runs(backend, "lazy:forward")).toBe(1);
});

test("so does that of a consistent query", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  expect(await client.consistentQuery(api.plain.strict, { list: "a" })).toEqual([1, 2, 3]);
  expect(await client.consistentQuery(api.queries.total, { list: "a" })).toBeNull();
  await client.forwarded();
  expect(runs(backend, "lazy:forward")).toBe(1);
});

test("neither a query nor another forward waits for what is forwarded", async () => {
  const backend = await startApp();
  const held: (() => void)[] = [];
  const client = new ConvexHttpClient(backend.url, {
    fetch: async (url, init) => {
      const isFirst = String(url).endsWith("/api/mutation") && held.length === 0;
      if (isFirst) await new Promise<void>((resolve) => held.push(resolve));
      return await fetch(url, init);
    },
  });
  expect(await client.query(api.queries.total, { list: "a" })).toBeNull();
  expect(await client.query(api.queries.total, { list: "b" })).toBeNull();
  await eventually(() => expect(runs(backend, "lazy:forward")).toBe(1));
  held[0]?.();
  await client.forwarded();
  expect(runs(backend, "lazy:forward")).toBe(2);
});

test("a plain query that refuses the mark is asked without it, and marked only once", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  for (let i = 0; i < 3; i++) {
    expect(await client.query(api.plain.strict, { list: "a" })).toEqual([1, 2, 3]);
  }
  expect(await client.query(api.plain.strict, { list: "b" })).toEqual([]);
  const calls = backend.trace.history().filter((event) => event.type === "execution" && event.path === "plain:strict");
  expect(calls).toHaveLength(5);
});

test("a query is marked again after ten minutes, lest a mishap made it look plain", async () => {
  const backend = await startApp();
  let isDown = true;
  const client = new ConvexHttpClient(backend.url, {
    fetch: async (url, init) => {
      if (isDown && String(init?.body).includes("lazyViews")) throw new Error("offline");
      return await fetch(url, init);
    },
  });
  const now = vi.spyOn(Date, "now");
  onTestFinished(() => now.mockRestore());
  expect(await client.query(api.queries.total, { list: "a" })).toBeNull();
  isDown = false;
  expect(await client.query(api.queries.total, { list: "a" })).toBeNull();
  await client.forwarded();
  expect(runs(backend, "lazy:forward")).toBe(0);
  now.mockReturnValue(Date.now() + 11 * 60_000);
  await client.query(api.queries.total, { list: "a" });
  await client.forwarded();
  expect(runs(backend, "lazy:forward")).toBe(1);
});

test("a plain query that lets the mark pass answers its value", async () => {
  const client = connectHttp(await startApp());
  expect(await client.query(api.plain.loose, { list: "a" })).toEqual([1, 2, 3]);
});

test("when the plain call fails too, its error is the one that is seen", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  await expect(client.query(api.plain.strict, { list: "needed" })).rejects.toThrow("nothing in needed");
  const failing = client.query(api.queries.first, { list: "b" });
  await expect(failing).rejects.toMatchObject({ data: { reason: "no item", list: "b" } });
  await expect(failing).rejects.toBeInstanceOf(ConvexError);
  // Neither is taken for plain: the lazy one is marked when it works again.
  await client.mutation(api.items.add, { list: "b", n: 7 });
  expect(await client.query(api.queries.first, { list: "b" })).toEqual({ n: 7, total: null });
  await client.forwarded();
  expect(runs(backend, "lazy:forward")).toBe(1);
});

const whole = envelope(1, ["seal"]);
test.each([
  ["without a value", { seals: whole.seals, once: [], forward: whole.forward }],
  ["without seals", { value: 1, once: [], forward: whole.forward }],
  ["without the seals that are forwarded once", { value: 1, seals: [], forward: whole.forward }],
  ["without a function", { value: 1, seals: whole.seals, once: [] }],
  ["with seals that are no list", { ...whole, seals: "seal" }],
  ["with a seal that is no text", { ...whole, seals: ["seal", 1] }],
  ["with a function that is no text", { ...whole, forward: null }],
  ["with something more", { ...whole, more: null }],
  ["in a list", [whole]],
  ["cut in half", JSON.stringify(whole).slice(0, 20)],
])("an envelope %s is a value", async (_, answer) => {
  const backend = await startApp();
  const client = connectHttp(backend);
  expect(await client.query(api.made.answer, { answer })).toEqual(answer);
  await client.forwarded();
  expect(await forwards(backend)).toEqual([]);
});

test("what is forwarded is not in the user's name", async () => {
  const backend = await startApp();
  const authorized: [string, boolean][] = [];
  const client = new ConvexHttpClient(backend.url, {
    auth: "the user's token",
    fetch: async (url, init) => {
      const { pathname } = new URL(String(url));
      authorized.push([pathname, new Headers(init?.headers).has("authorization")]);
      return await fetch(url, init);
    },
  });
  await client.query(api.queries.total, { list: "a" });
  await client.forwarded();
  expect(authorized).toEqual([
    ["/api/query", true],
    ["/api/mutation", false],
  ]);
});

test("40 seals are forwarded in 3 calls", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  expect(await client.query(api.made.answer, { answer: envelope(1, seals(40)) })).toBe(1);
  await client.forwarded();
  const calls = await forwards(backend);
  expect(calls.map((call) => call.length).sort()).toEqual([16, 16, 8]);
  expect(calls.flat().sort()).toEqual(seals(40).sort());
});

test("a forward that fails is said once, and the value is there", async () => {
  const warn = vi.spyOn(console, "warn").mockReturnValue();
  onTestFinished(() => warn.mockRestore());
  const client = connectHttp(await startApp());
  for (const value of [1, 2]) {
    const answer = envelope(value, ["seal"], "nowhere:forward");
    expect(await client.query(api.made.answer, { answer })).toBe(value);
    await client.forwarded();
  }
  expect(warn.mock.calls).toEqual([[expect.stringMatching(/"nowhere:forward".*\n.*Could not find public function/)]]);
});
