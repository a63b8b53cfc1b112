import { ConvexReactClient } from "convex/react";
import { ConvexError } from "convex/values";
import { describe, expect, onTestFinished, test } from "vitest";
import WebSocket from "ws";
import { eventually } from "../../tests/eventually";
import { Activity } from "./activity";
import { api } from "./fixture";
import { internal } from "./fixture/_generated/api";
import { connect, connectHttp, follow, runs, start } from "./fixture/setup";
import { MutationLog } from "./sync/mutationLog";
import { decodeTs, encodeTs } from "./sync/protocol";
import { SyncSession } from "./sync/session";

describe("queries", () => {
  test("a subscription follows what it reads", async () => {
    const { client } = connect(await start());
    const { values } = follow(client, api.messages.list, { channel: "a" });
    await eventually(() => expect(values).toEqual([[]]));
    await client.mutation(api.messages.send, { channel: "a", text: "one" });
    await eventually(() => expect(values).toEqual([[], ["one"]]));
  });

  test("the React client follows it too", async () => {
    const backend = await start();
    const client = new ConvexReactClient(backend.url, { webSocketConstructor: WebSocket as never });
    onTestFinished(() => client.close());
    const watch = client.watchQuery(api.messages.list, { channel: "a" });
    const values: unknown[] = [];
    onTestFinished(watch.onUpdate(() => values.push(watch.localQueryResult())));
    await eventually(() => expect(values).toEqual([[]]));
    await client.mutation(api.messages.send, { channel: "a", text: "one" });
    await eventually(() => expect(values).toEqual([[], ["one"]]));
  });

  test("a subscription that ended is not run any more", async () => {
    const backend = await start();
    const { client, sockets } = connect(backend);
    const { values, stop } = follow(client, api.messages.list, { channel: "a" });
    await eventually(() => expect(values).toHaveLength(1));
    stop();
    await client.mutation(api.messages.send, { channel: "a", text: "one" });
    await backend.idle();
    expect(runs(backend, "messages:list")).toHaveLength(1);
    expect(JSON.stringify(sockets[0]?.received)).toContain("QueryRemoved");
  });

  test("a paginated subscription loads more, and its pages follow what they read", async () => {
    const { client } = connect(await start());
    const ids = [];
    for (const rank of [1, 2, 3, 4, 5]) {
      ids.push(await client.mutation(api.messages.send, { channel: "a", text: `r${rank}`, rank }));
    }
    const feed = client.onPaginatedUpdate_experimental(
      api.messages.feed,
      { channel: "a" } as never,
      { initialNumItems: 2 },
      () => {},
    );
    onTestFinished(feed.unsubscribe);
    const shows = (status: string, texts: string[]) =>
      eventually(() => {
        const current = feed.getCurrentValue();
        const results = (current?.results ?? []) as unknown as { text: string }[];
        expect(results.map(({ text }) => text)).toEqual(texts);
        expect(current?.status).toBe(status);
      });
    await shows("CanLoadMore", ["r1", "r2"]);
    feed.getCurrentValue()?.loadMore(2);
    await shows("CanLoadMore", ["r1", "r2", "r3", "r4"]);
    feed.getCurrentValue()?.loadMore(2);
    await shows("Exhausted", ["r1", "r2", "r3", "r4", "r5"]);
    await client.mutation(api.messages.edit, { id: ids[3] as never, text: "new" });
    await shows("Exhausted", ["r1", "r2", "r3", "new", "r5"]);
    await client.mutation(api.messages.send, { channel: "a", text: "r6", rank: 6 });
    await shows("Exhausted", ["r1", "r2", "r3", "new", "r5", "r6"]);
  });

  test("a result that is the same as before is not sent again", async () => {
    const backend = await start();
    const { client, sockets } = connect(backend);
    const { values } = follow(client, api.messages.top, { channel: "a", count: 0 });
    follow(client, api.messages.notes, { body: "wanted" });
    await eventually(() => expect(values).toHaveLength(1));
    await backend.run((ctx) => ctx.db.insert("notes", { body: "other" }));
    await eventually(() => expect(runs(backend, "messages:notes")).toHaveLength(2));
    await backend.idle();
    const updates = JSON.stringify(sockets[0]?.received).match(/QueryUpdated/g);
    expect(updates).toHaveLength(2);
  });

  test("an error reaches the subscriber, and a value replaces it once the data allow one", async () => {
    const backend = await start();
    const { client } = connect(backend);
    const { values } = follow(client, api.messages.crash, { channel: "a" });
    await eventually(() => expect(values).toHaveLength(1));
    expect(String(values[0])).toMatch(
      /\[CONVEX Q\(messages:crash\)\] \[Request ID: [0-9a-f]{16}\] Server Error\nUncaught Error: boom 0\n/,
    );
    await client.mutation(api.messages.send, { channel: "a", text: "one" });
    await eventually(() => expect(String(values.at(-1))).toContain("boom 1"));
  });

  test("results of one transition belong to one time, also while others write", async () => {
    const backend = await start();
    const { client } = connect(backend);
    const base = client.client;
    follow(client, api.messages.list, { channel: "left" });
    follow(client, api.messages.list, { channel: "right" });
    const pairs: [number, number][] = [];
    base.addOnTransitionHandler(() => {
      const [left, right] = ["left", "right"].map(
        (channel) => base.localQueryResult("messages:list", { channel }) as string[] | undefined,
      );
      if (left && right) pairs.push([left.length, right.length]);
    });
    await eventually(() => expect(pairs).not.toEqual([]));
    const http = connectHttp(backend);
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        http.mutation(api.messages.sendBoth, { text: String(i) }, { skipQueue: true }),
      ),
    );
    await eventually(() => expect(pairs.at(-1)).toEqual([40, 40]));
    for (const [left, right] of pairs) expect(left).toBe(right);
  });
});

describe("mutations and actions", () => {
  test("a mutation resolves when its changes are visible", async () => {
    const { client } = connect(await start());
    const { values } = follow(client, api.messages.list, { channel: "a" });
    await eventually(() => expect(values).toHaveLength(1));
    for (let i = 1; i <= 20; i++) {
      await client.mutation(api.messages.send, { channel: "a", text: "x" });
      const local = client.client.localQueryResult("messages:list", { channel: "a" });
      expect(local).toHaveLength(i);
    }
  });

  test("a client hears of its mutation before it sees what the mutation wrote", async () => {
    const { client, sockets } = connect(await start());
    const { values } = follow(client, api.messages.list, { channel: "a" });
    await eventually(() => expect(values).toHaveLength(1));
    for (let i = 0; i < 20; i++) {
      await client.mutation(api.messages.send, { channel: "a", text: "x" });
    }
    let seen = 0n;
    let responses = 0;
    for (const message of sockets[0]?.received ?? []) {
      if (message.endVersion) seen = decodeTs(message.endVersion.ts);
      if (message.type !== "MutationResponse" || message.ts === undefined) continue;
      responses++;
      expect(seen).toBeLessThan(decodeTs(message.ts));
    }
    expect(responses).toBe(20);
  });

  test("the answer is sent first even if the new data are ready before it", async () => {
    const sent: string[] = [];
    let answer = (_: unknown) => {};
    const session = new SyncSession(
      {
        runtime: {
          cache: { onInvalidation: () => () => {}, release() {} },
          call: (_type: string, _call: unknown, entry: { execution: unknown }) => {
            entry.execution = { committedTs: 5n };
            session.receive({ type: "Authenticate", baseVersion: 0, token: { tokenType: "None" } });
            return new Promise((resolve) => {
              answer = resolve;
            });
          },
        },
        queries: {
          refresh: async () => {
            setImmediate(() => answer({ requestId: "", outcome: { success: true, value: null }, lines: [], ts: 5n }));
            return 5n;
          },
        },
        mutations: new MutationLog(),
        activity: new Activity(),
        outside: (work: () => void) => work(),
      } as never,
      { send: (message) => sent.push(message.type), close() {} },
    );
    session.receive({ type: "Mutation", requestId: 0, udfPath: "a:b", args: [], componentPath: "" });
    await eventually(() => expect(sent).toContain("Transition"));
    expect(sent[0]).toBe("MutationResponse");
    session.close();
  });

  test("a mutation that changes nothing resolves too", async () => {
    const backend = await start();
    const { client } = connect(backend);
    const id = await client.mutation(api.messages.send, { channel: "a", text: "same" });
    expect(await client.mutation(api.messages.edit, { id, text: "same" })).toBeNull();
  });

  test("mutations of one client run in the order they were sent", async () => {
    const backend = await start();
    const { client } = connect(backend);
    await Promise.all(["1", "2", "3", "4"].map((text) => client.mutation(api.messages.send, { channel: "a", text })));
    expect(await client.query(api.messages.list, { channel: "a" })).toEqual(["1", "2", "3", "4"]);
  });

  test("a ConvexError arrives with its data, and the mutation left nothing", async () => {
    const { client } = connect(await start());
    const error = await client.mutation(api.messages.refuse, {}).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ConvexError);
    expect(error.data).toEqual({ code: 7 });
    expect(error.message).toContain('Server Error\nUncaught ConvexError: {"code":7}');
    expect(await client.query(api.messages.all, {})).toEqual([]);
  });

  test("an action runs, and what it writes is seen", async () => {
    const { client } = connect(await start());
    const { values } = follow(client, api.messages.list, { channel: "acted" });
    await eventually(() => expect(values).toHaveLength(1));
    expect(await client.action(api.logging.act, {})).toBe(1);
    await eventually(() => expect(values.at(-1)).toEqual(["x"]));
  });
});

describe("what clients may call", () => {
  test("arguments are validated", async () => {
    const { client } = connect(await start());
    await expect(client.mutation(api.messages.send, { channel: "a" } as never)).rejects.toThrow(
      "ArgumentValidationError: Validator error: Missing required field `text`",
    );
  });

  test("clients get the same error for internal functions and for missing paths", async () => {
    const { client } = connect(await start());
    const hidden = internal.messages.deliver as unknown as typeof api.messages.send;
    await expect(client.mutation(hidden, { text: "x" } as never)).rejects.toThrow(
      "Server Error\nCould not find public function for 'messages:deliver'.",
    );
    const missing = { ...hidden, [Symbol.for("functionName")]: "nowhere:nothing" };
    await expect(client.mutation(missing, {} as never)).rejects.toThrow(
      "Could not find public function for 'nowhere:nothing'.",
    );
  });

  test("a function is called only by its kind", async () => {
    const { client } = connect(await start());
    const wrong = api.messages.list as unknown as typeof api.messages.send;
    await expect(client.mutation(wrong, { channel: "a" } as never)).rejects.toThrow(
      "Trying to execute messages.js:list as Mutation, but it is defined as Query.",
    );
  });
});

describe("connections", () => {
  test("a client that was cut off comes back to its subscriptions", async () => {
    const backend = await start();
    const { client, sockets } = connect(backend);
    const { values } = follow(client, api.messages.list, { channel: "a" });
    await eventually(() => expect(values).toHaveLength(1));
    sockets[0]?.terminate();
    await backend.run((ctx) => ctx.db.insert("messages", { channel: "a", text: "m", rank: 0 }));
    await eventually(() => expect(values.at(-1)).toEqual(["m"]));
    expect(sockets).toHaveLength(2);
  });

  test("a mutation whose answer got lost runs only once", async () => {
    const backend = await start();
    const { client, sockets } = connect(backend);
    await client.query(api.messages.list, { channel: "a" });
    const [socket] = sockets;
    if (socket === undefined) throw new Error("not connected");
    socket.deaf = true;
    const sent = client.mutation(api.messages.send, { channel: "a", text: "once" });
    await eventually(() => expect(runs(backend, "messages:send")).toHaveLength(1));
    socket.terminate();
    await sent;
    expect(sockets).toHaveLength(2);
    expect(await client.query(api.messages.list, { channel: "a" })).toEqual(["once"]);
    expect(runs(backend, "messages:send")).toHaveLength(1);
  });

  test("a client that authenticates goes on", async () => {
    const { client } = connect(await start());
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const now = Math.floor(Date.now() / 1000);
    const token = `${encode({ alg: "none" })}.${encode({ iat: now, exp: now + 3600 })}.x`;
    const changed: boolean[] = [];
    client.setAuth(
      async () => token,
      (isAuthenticated) => changed.push(isAuthenticated),
    );
    await eventually(() => expect(changed).toEqual([true]));
    expect(await client.query(api.messages.list, { channel: "a" })).toEqual([]);
  });

  test("a silent connection is kept alive by pings", async () => {
    const backend = { cache: { onInvalidation: () => () => {} } };
    const sent: string[] = [];
    const session = new SyncSession(
      { runtime: backend } as never,
      { send: (message) => sent.push(message.type), close() {} },
      5,
    );
    await eventually(() => expect(sent.length).toBeGreaterThan(2));
    expect(new Set(sent)).toEqual(new Set(["Ping"]));
    session.close();
  });

  test("timestamps are little-endian", () => {
    expect(encodeTs(1n)).toBe("AQAAAAAAAAA=");
    expect(decodeTs(encodeTs(2n ** 63n + 5n))).toBe(2n ** 63n + 5n);
  });
});
