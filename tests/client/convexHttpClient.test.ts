import { ConvexError } from "convex/values";
import { ConvexHttpClient } from "convex-lazy-views/client";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { eventually } from "../eventually";
import { answering, api } from "./app";
import { connect, connectHttp, endsWith, envelope, follow, forwards, runs, seals, startApp } from "./setup";

test("a query's value comes out of its envelope, and its row becomes fresh", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  expect(await client.query(api.queries.total, { list: "a" })).toBeNull();
  await client.forwarded();
  await backend.idle();
  expect(await client.query(api.queries.total, { list: "a" })).toEqual({ count: 3, sum: 6 });
  expect(runs(backend, "lazy:forward")).toBe(1);
});

test("the same holds for a consistent query", async () => {
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

test("a plain query that refuses the mark is asked without it, and marked twice before it is believed", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  for (let i = 0; i < 3; i++) {
    expect(await client.query(api.plain.strict, { list: "a" })).toEqual([1, 2, 3]);
  }
  expect(await client.query(api.plain.strict, { list: "b" })).toEqual([]);
  const calls = backend.trace.history().filter((event) => event.type === "execution" && event.path === "plain:strict");
  expect(calls).toHaveLength(6);
});

test("a plain query is marked again after ten minutes: the app may have turned the transport on", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  const now = vi.spyOn(Date, "now");
  onTestFinished(() => now.mockRestore());
  const calls = async () => {
    const before = backend.trace.history().length;
    await client.query(api.plain.strict, { list: "a" });
    return backend.trace
      .history()
      .slice(before)
      .filter(({ type }) => type === "execution").length;
  };
  expect([await calls(), await calls()]).toEqual([3, 1]);
  now.mockReturnValue(Date.now() + 11 * 60_000);
  expect(await calls()).toBe(3);
});

/** Responses, or errors, that a client gets instead of the function's answer. */
const blips: [string, () => Response | never][] = [
  [
    "a network error",
    () => {
      throw new TypeError("fetch failed");
    },
  ],
  [
    "a time-out",
    () => {
      throw new DOMException("The operation was aborted due to timeout", "TimeoutError");
    },
  ],
  ["a 502 of a proxy", () => new Response("<html><h1>502 Bad Gateway</h1></html>", { status: 502 })],
  ["a 500 of a proxy", () => new Response("Internal Server Error", { status: 500 })],
  ["a 503 of the backend", () => new Response('{"code":"Overloaded","message":"Server Error"}', { status: 503 })],
  ["a page of a hotel", () => new Response("<html>Please accept our terms</html>", { status: 200 })],
];

describe.each(blips)("%s", (_, blip) => {
  /** A client whose marked calls fail this way `failures` times. */
  function connectFailing(url: string, failures: number) {
    let left = failures;
    return new ConvexHttpClient(url, {
      logger: false,
      fetch: async (to, init) => {
        const isFailing = String(init?.body).includes("lazyViews") && left-- > 0;
        return isFailing ? blip() : await fetch(to, init);
      },
    });
  }

  test.each([1, 5])("of %s marked calls makes no query plain", async (failures) => {
    const backend = await startApp();
    const client = connectFailing(backend.url, failures);
    for (let i = 0; i <= failures; i++) expect(await client.query(api.queries.total, { list: "a" })).toBeNull();
    await client.forwarded();
    await backend.idle();
    expect(await client.query(api.queries.total, { list: "a" })).toEqual({ count: 3, sum: 6 });
  });
});

test("an error of the network is the caller's, when the deployment cannot be reached at all", async () => {
  const client = new ConvexHttpClient("https://nowhere.convex.cloud", {
    fetch: async () => {
      throw new TypeError("fetch failed");
    },
  });
  await expect(client.query(api.queries.total, { list: "a" })).rejects.toThrow("fetch failed");
});

describe("a production deployment, which does not say why a function failed,", () => {
  /** A client of such a deployment; with `fails`, its next call fails once for another reason. */
  function connectRedacted(url: string, fails = false) {
    let isFailing = fails;
    const redacted = { status: "error", errorMessage: "[Request ID: 0123456789abcdef] Server Error" };
    return new ConvexHttpClient(url, {
      logger: false,
      fetch: async (to, init) => {
        const answer = isFailing ? redacted : await (await fetch(to, init)).json();
        isFailing = false;
        return Response.json(answer.status === "error" ? { ...answer, ...redacted } : answer);
      },
    });
  }

  test("still lets the client recognize plain queries", async () => {
    const backend = await startApp();
    const client = connectRedacted(backend.url);
    for (let i = 0; i < 3; i++) expect(await client.query(api.plain.strict, { list: "a" })).toEqual([1, 2, 3]);
    const calls = backend.trace
      .history()
      .filter((event) => event.type === "execution" && event.path === "plain:strict");
    expect(calls).toHaveLength(5);
    await expect(client.query(api.plain.strict, { list: "needed" })).rejects.toThrow("Server Error");
  });

  test("does not make the client take a lazy query that failed once for plain: its effects are forwarded", async () => {
    const backend = await startApp();
    const client = connectRedacted(backend.url, true);
    expect(await client.query(api.queries.total, { list: "a" })).toBeNull();
    await client.forwarded();
    expect(runs(backend, "lazy:forward")).toBe(1);
  });
});

test("a plain query that lets the mark pass answers its value", async () => {
  const client = connectHttp(await startApp());
  expect(await client.query(api.plain.loose, { list: "a" })).toEqual([1, 2, 3]);
});

test("when the plain call fails too, the caller gets its error", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  await expect(client.query(api.plain.strict, { list: "needed" })).rejects.toThrow("nothing in needed");
  const failing = client.query(api.queries.first, { list: "b" });
  await expect(failing).rejects.toMatchObject({ data: { reason: "no item", list: "b" } });
  await expect(failing).rejects.toBeInstanceOf(ConvexError);
  // Neither query counts as plain: the lazy one is marked when it works again.
  await client.mutation(api.items.add, { list: "b", n: 7 });
  expect(await client.query(api.queries.first, { list: "b" })).toEqual({ n: 7, total: null });
  await client.forwarded();
  expect(runs(backend, "lazy:forward")).toBe(1);
});

const whole = envelope(1, ["seal"]);
const nested = (levels: number, inside: unknown[] = []): unknown =>
  levels === 1 ? inside : [nested(levels - 1, inside)];
test.each([
  ["without a value", { seals: whole.seals, once: [], forward: whole.forward }],
  ["without seals", { value: 1, once: [], forward: whole.forward }],
  ["without the seals that are forwarded once", { value: 1, seals: [], forward: whole.forward }],
  ["without a function", { value: 1, seals: whole.seals, once: [] }],
  ["with seals that are no list", { ...whole, seals: "seal" }],
  ["with a seal that is no text", { ...whole, seals: ["seal", 1] }],
  ["with a function that is no text", { ...whole, forward: null }],
  ["with something more", { ...whole, more: null }],
  ["without what no document can have", { ...whole, lazyViews: undefined }],
  ["that nests as deep as a document may", { ...whole, lazyViews: nested(15) }],
  ["that nests deeper", { ...whole, lazyViews: nested(17) }],
  ["that is not empty inside", { ...whole, lazyViews: nested(15, [1, 2]) }],
  ["with the name of a mark", { ...whole, lazyViews: "client" }],
  ["in a list", [whole]],
  ["cut in half", JSON.stringify(whole).slice(0, 20)],
])("an envelope %s is a value", async (_, answer) => {
  const backend = await startApp();
  const client = connectHttp(backend);
  expect(await client.query(api.made.answer, answering(answer))).toEqual(answer);
  await client.forwarded();
  expect(await forwards(backend)).toEqual([]);
});

test("arguments that look like an envelope or a mark come back as they are", async () => {
  const backend = await startApp();
  const client = connectHttp(backend);
  for (const args of [{ ...whole }, { body: whole }, { lazyViews: "client" }, { text: JSON.stringify(whole) }]) {
    expect(await client.query(api.made.echo, args as never)).toEqual(args);
    const socket = follow(connect(backend), api.made.echo, args as never);
    await endsWith(socket.values, args);
  }
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
  expect(await client.query(api.made.answer, answering(envelope(1, seals(40))))).toBe(1);
  await client.forwarded();
  const calls = await forwards(backend);
  expect(calls.map((call) => call.length).sort()).toEqual([16, 16, 8]);
  expect(calls.flat().sort()).toEqual(seals(40).sort());
});

test("a forward that fails is logged once, and the caller gets the value", async () => {
  const warn = vi.spyOn(console, "warn").mockReturnValue();
  onTestFinished(() => warn.mockRestore());
  const client = connectHttp(await startApp());
  for (const value of [1, 2]) {
    const answer = envelope(value, ["seal"], "nowhere:forward");
    expect(await client.query(api.made.answer, answering(answer))).toBe(value);
    await client.forwarded();
  }
  expect(warn.mock.calls).toEqual([[expect.stringMatching(/"nowhere:forward".*\n.*Could not find public function/)]]);
});
