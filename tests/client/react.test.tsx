import * as convexReact from "convex/react";
import * as lazyReact from "convex-lazy-views/react";
import type { ReactElement } from "react";
import { renderToString } from "react-dom/server";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import WebSocket from "ws";
import { eventually } from "../eventually";
import { answering, api } from "./app";
import { connectReact, delayBy, endsWith, envelope, forwards, runs, startApp, watch } from "./setup";

describe("a watch", () => {
  test("of a lazy query shows values, and its row becomes fresh", async () => {
    const backend = await startApp();
    const { values, watched } = watch(connectReact(backend), api.queries.total, { list: "a" });
    expect(watched.localQueryResult()).toBeUndefined();
    await endsWith(values, { count: 3, sum: 6 });
    expect(values).toEqual([null, { count: 3, sum: 6 }]);
    expect(watched.localQueryResult()).toBe(watched.localQueryResult());
    expect(runs(backend, "lazy:forward")).toBe(1);
  });

  test("of a plain query that refuses the mark shows its values", async () => {
    const client = connectReact(await startApp());
    const { values } = watch(client, api.plain.strict, { list: "a" });
    await endsWith(values, [1, 2, 3]);
    await client.mutation(api.items.add, { list: "a", n: 4 });
    await endsWith(values, [1, 2, 3, 4]);
    expect(values).toEqual([
      [1, 2, 3],
      [1, 2, 3, 4],
    ]);
  });

  test("of a plain query that fails has its own error, also for later subscribers", async () => {
    const client = connectReact(await startApp());
    const first = watch(client, api.plain.strict, { list: "needed" });
    await eventually(() => expect(String(first.values.at(-1))).toContain("nothing in needed"));
    const second = watch(client, api.plain.strict, { list: "needed" });
    expect(second.watched.localQueryResult).toThrow("nothing in needed");
    first.unsubscribe();
    await client.mutation(api.items.add, { list: "needed", n: 4 });
    await endsWith(second.values, [4]);
  });

  test("of a plain query that lets the mark pass shows its values", async () => {
    const client = connectReact(await startApp());
    await endsWith(watch(client, api.plain.loose, { list: "a" }).values, [1, 2, 3]);
  });

  test("that ended gets no more values, and no query runs for it", async () => {
    const backend = await startApp();
    const client = connectReact(backend);
    const { values, unsubscribe } = watch(client, api.plain.loose, { list: "a" });
    await endsWith(values, [1, 2, 3]);
    unsubscribe();
    const before = runs(backend, "plain:loose");
    await client.mutation(api.items.add, { list: "a", n: 4 });
    await backend.idle();
    expect(runs(backend, "plain:loose")).toBe(before);
    expect(values).toHaveLength(1);
  });
});

test("journals go both ways, marked or not", async () => {
  const backend = await startApp();
  const sent: string[] = [];
  class Socket extends WebSocket {
    override send(message: string) {
      sent.push(message);
      super.send(message);
    }
  }
  const client = new lazyReact.ConvexReactClient(backend.url, {
    webSocketConstructor: Socket as never,
    logger: false,
  });
  onTestFinished(() => client.close());
  for (const query of [api.queries.total, api.plain.strict] as const) {
    const watched = client.watchQuery(query, { list: "a" }, { journal: "a place in the pages" });
    expect(watched.journal()).toBeUndefined();
    onTestFinished(watched.onUpdate(() => {}));
    await eventually(() => expect(watched.localQueryResult()).toBeDefined());
    expect(watched.journal()).toBeNull();
  }
  const asked = sent.filter((message) => message.includes('"Add"'));
  expect(asked).toHaveLength(3);
  for (const message of asked) expect(message).toContain('"journal":"a place in the pages"');
});

test("a query asked once gives its value, and forwards at once", async () => {
  delayBy(1);
  const backend = await startApp();
  const client = connectReact(backend);
  expect(await client.query(api.queries.total, { list: "a" })).toBeNull();
  expect(await client.query(api.plain.strict, { list: "a" })).toEqual([1, 2, 3]);
  await expect(client.query(api.plain.strict, { list: "needed" })).rejects.toThrow("nothing in");
  await eventually(() => expect(runs(backend, "lazy:forward")).toBe(1));
});

test("an optimistic update sees and sets plain values under plain arguments", async () => {
  const client = connectReact(await startApp());
  const lazy = watch(client, api.queries.total, { list: "a" });
  const plain = watch(client, api.plain.strict, { list: "a" });
  await endsWith(lazy.values, { count: 3, sum: 6 });
  await endsWith(plain.values, [1, 2, 3]);
  const shown = [lazy.values.length, plain.values.length] as const;
  await client.mutation(
    api.items.add,
    { list: "a", n: 4 },
    {
      optimisticUpdate: (store, { list, n }) => {
        for (const { args, value } of store.getAllQueries(api.queries.total)) {
          const { count, sum } = value ?? { count: 0, sum: 0 };
          store.setQuery(api.queries.total, args, { count: count + 1, sum: sum + n });
        }
        const numbers = store.getQuery(api.plain.strict, { list }) ?? [];
        store.setQuery(api.plain.strict, { list }, [...numbers, n * 100]);
      },
    },
  );
  expect(lazy.values[shown[0]]).toEqual({ count: 4, sum: 10 });
  expect(plain.values[shown[1]]).toEqual([1, 2, 3, 400]);
  await endsWith(plain.values, [1, 2, 3, 4]);
});

test("an optimistic update can take a result away, and set one that is not subscribed to", async () => {
  const client = connectReact(await startApp());
  const { values } = watch(client, api.queries.total, { list: "a" });
  await endsWith(values, { count: 3, sum: 6 });
  const shown = values.length;
  const done = client.mutation(
    api.items.add,
    { list: "other", n: 4 },
    {
      optimisticUpdate: (store) => {
        store.setQuery(api.queries.total, { list: "a" }, undefined);
        store.setQuery(api.queries.total, { list: "b" }, { count: 1, sum: 1 });
      },
    },
  );
  expect(values.slice(shown)).toEqual([undefined]);
  const other = client.watchQuery(api.queries.total, { list: "b" });
  expect(other.localQueryResult()).toEqual({ count: 1, sum: 1 });
  await done;
  await endsWith(values, { count: 3, sum: 6 });
});

test("a client that is closed forwards nothing any more", async () => {
  delayBy(0.1);
  const backend = await startApp();
  const client = connectReact(backend);
  await endsWith(watch(client, api.made.answer, answering(envelope(1, ["closed"]))).values, 1);
  await client.close();
  // Its effect is raised later, so it is forwarded after the time for the first one.
  watch(connectReact(backend), api.made.answer, answering(envelope(2, ["open"])));
  await eventually(async () => expect(await forwards(backend)).toContainEqual(["open"]));
  expect(await forwards(backend)).toEqual([["open"]]);
});

describe("the hooks", () => {
  const options = { initialNumItems: 2 };
  const preloaded = { _name: "queries:total", _argsJSON: {}, _valueJSON: { n: 1 } } as never;
  const args = { list: "a" };
  type Hooks = Pick<typeof lazyReact, "useQuery" | "useQueries" | "usePaginatedQuery" | "usePreloadedQuery">;
  const uses: [keyof Hooks, (hooks: Hooks) => unknown, unknown][] = [
    ["useQuery", ({ useQuery }) => useQuery(api.queries.total, args) ?? "loading", "loading"],
    ["useQueries", ({ useQueries }) => useQueries({}), {}],
    [
      "usePaginatedQuery",
      ({ usePaginatedQuery }) => usePaginatedQuery(api.queries.page, args, options).status,
      "LoadingFirstPage",
    ],
    ["usePreloadedQuery", ({ usePreloadedQuery }) => usePreloadedQuery(preloaded), { n: 1 }],
  ];

  function render(hook: () => unknown, client?: convexReact.ConvexReactClient): unknown {
    const Show = () => JSON.stringify(hook());
    const { ConvexProvider } = convexReact;
    const tree: ReactElement = client ? (
      <ConvexProvider client={client}>
        <Show />
      </ConvexProvider>
    ) : (
      <Show />
    );
    return JSON.parse(renderToString(tree).replaceAll("&quot;", '"'));
  }

  const url = "https://nowhere.convex.cloud";

  test.each(uses)("%s of either package renders with our client", (_, use, first) => {
    for (const hooks of [lazyReact, convexReact]) {
      const client = new lazyReact.ConvexReactClient(url);
      expect(render(() => use(hooks), client)).toEqual(first);
    }
  });

  test.each(uses)("%s says what to do about another client", (name, use) => {
    const client = new convexReact.ConvexReactClient(url);
    expect(() => render(() => use(lazyReact), client)).toThrow(
      `${name} of convex-lazy-views/react needs the client of convex-lazy-views/react. ` +
        'Where the client is made, write `import { ConvexReactClient } from "convex-lazy-views/react"`; ' +
        `or import ${name} from convex/react, which works with both.`,
    );
  });

  test.each(uses)("%s without a provider fails as that of convex/react", (_, use) => {
    expect(() => render(() => use(lazyReact))).toThrow();
  });

  test("a client opens no connection while a server renders", () => {
    const Socket = vi.fn();
    const client = new lazyReact.ConvexReactClient(url, { webSocketConstructor: Socket as never });
    onTestFinished(() => client.close());
    render(() => lazyReact.useQuery(api.queries.total, args) ?? null, client);
    expect(Socket).not.toHaveBeenCalled();
  });
});
