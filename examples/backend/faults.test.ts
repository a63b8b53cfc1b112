import { ConvexHttpClient } from "convex/browser";
import { ConvexError, type JSONValue } from "convex/values";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { eventually } from "../../tests/eventually";
import { type Program, startProgram } from "../../tests/program";
import { api } from "./fixture";
import { connectHttp, start } from "./fixture/setup";

describe("nothing that clients send or functions do ends the process", () => {
  let program: Program;
  let url: string;
  beforeAll(async () => {
    program = startProgram("examples/backend/fixture/serve.ts");
    url = (await program.prints(/http:\S+/)).trim();
  });
  afterAll(async () => {
    program.interrupt();
    await program.ends();
  });
  const http = () => new ConvexHttpClient(url, { logger: false });
  const isAlive = async () => expect(await http().query(api.logging.count, { channel: "none" })).toBe(0);

  /** Sends texts over a new connection; resolves with the answers when the connection has closed. */
  async function exchange(...texts: (string | Buffer)[]) {
    const socket = new WebSocket(`${url.replace("http", "ws")}/api/1.48.0/sync`);
    const received: { type: string; error?: string }[] = [];
    socket.on("message", (data) => received.push(JSON.parse(data.toString())));
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    for (const text of texts) socket.send(text);
    return { received, code: await closed };
  }

  const hello = { type: "Connect", sessionId: "2f5c0a4e-5a40-4c1c-9a6e-0d4a7a7c2b10", connectionCount: 0 };
  const ask = { requestId: 1, udfPath: "logging:act", args: [{}] };
  const add = { type: "Add", queryId: 0, udfPath: "messages:all", args: [{}] };
  const query = { type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [add] };

  const mistakes: [string, string | JSONValue][] = [
    ["no JSON", "{"],
    ["no object", "null"],
    ["an unknown type", { type: "Hello" }],
    ["an action without args", { type: "Action", ...ask, args: null }],
    ["a mutation without args", { type: "Mutation", requestId: 1, udfPath: "messages:send" }],
    ["args that are no list", { type: "Action", ...ask, args: {} }],
    ["a path that is no text", { type: "Mutation", ...ask, udfPath: 5 }],
    ["a path that cannot be", { type: "Mutation", ...ask, udfPath: "../messages:send" }],
    ["a request id that is no number", { type: "Mutation", ...ask, requestId: "1" }],
    ["a session that is no text", { ...hello, sessionId: 1 }],
    ["queries without a list", { ...query, modifications: null }],
    ["a query without args", { ...query, modifications: [{ ...add, args: null }] }],
    ["an unknown modification", { ...query, modifications: [{ ...add, type: "Replace" }] }],
    ["an old version", { ...query, baseVersion: 7, newVersion: 8 }],
    ["an unknown token", { type: "Authenticate", baseVersion: 0, tokenType: "Other" }],
  ];

  test.each(mistakes)("%s: the client is told, and the connection ends", async (_name, message) => {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    const { received, code } = await exchange(JSON.stringify(hello), text);
    expect(received.filter(({ type }) => type !== "Transition")).toEqual([
      { type: "FatalError", error: expect.stringMatching(/^(Received Invalid JSON on websocket: |Base version 7)/) },
    ]);
    expect(code).toBe(1005);
    await isAlive();
  });

  test.each([
    ["binary data", Buffer.from([1, 2])],
    ["a query's id twice", JSON.stringify({ ...query, modifications: [add, add] })],
    ["the end of a query that is none", JSON.stringify({ ...query, modifications: [{ type: "Remove", queryId: 9 }] })],
    ["a version that does not grow", JSON.stringify({ ...query, newVersion: 0 })],
    ["another identity's version", JSON.stringify({ type: "Authenticate", baseVersion: 3, tokenType: "None" })],
  ])("%s: the connection ends as after an error of the backend", async (_name, message) => {
    const { received, code } = await exchange(JSON.stringify(hello), message);
    expect([received, code]).toEqual([[], 1011]);
  });

  test("a wrong key is answered as a failed authentication", async () => {
    const { received } = await exchange(
      JSON.stringify({ type: "Authenticate", baseVersion: 0, tokenType: "Admin", value: "embedded-backend|0" }),
    );
    expect(received).toEqual([
      {
        type: "AuthError",
        error: "The provided admin key was invalid for this instance",
        baseVersion: 0,
        authUpdateAttempted: true,
      },
    ]);
  });

  test("messages that are damaged at random", async () => {
    const messages = [hello, query, { type: "Mutation", ...ask }, { type: "Action", ...ask }, { type: "Event" }];
    const damaged = fc
      .tuple(fc.constantFrom<Record<string, unknown>>(...messages), fc.string(), fc.jsonValue(), fc.nat())
      .map(([message, name, value, at]) => {
        const names = Object.keys(message);
        return JSON.stringify({ ...message, [names[at % (names.length + 1)] ?? name]: value });
      });
    const text = fc.oneof(damaged, fc.json(), fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 8 }), async (texts) => {
        await exchange(JSON.stringify(hello), ...texts, "the end");
      }),
      { numRuns: 100 },
    );
    await isAlive();
  });

  test("bodies that are damaged at random", async () => {
    const body = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ path: fc.jsonValue(), args: fc.jsonValue() }).map((json) => JSON.stringify(json)),
    );
    const endpoint = fc.constantFrom(
      "query",
      "query_at_ts",
      "mutation",
      "action",
      "function",
      "update_environment_variables",
    );
    await fc.assert(
      fc.asyncProperty(endpoint, body, async (name, text) => {
        const { status } = await fetch(`${url}/api/${name}`, { method: "POST", body: text });
        expect([200, 400, 403]).toContain(status);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ["nothing", "Uncaught undefined"],
    ["text", "Uncaught a text"],
    ["symbol", "Uncaught Symbol(a symbol)"],
    ["object without a prototype", "Uncaught [object Object]"],
    ["ConvexError without a value", 'Date "1970-01-01T00:00:00.000Z" is not a supported Convex type.'],
  ])("an action that throws: %s", async (what, message) => {
    await expect(http().action(api.failing.throwAnything, { what })).rejects.toThrow(message);
    await isAlive();
  });

  test("an action fails if it throws in a timer, or rejects a promise it does not await", async () => {
    await expect(http().action(api.failing.throwInTimer, {})).rejects.toThrow("Uncaught Error: too late to catch");
    await expect(http().action(api.failing.rejectAside, {})).rejects.toThrow("Uncaught Error: left aside");
  });

  test("a failure after an action's end is dropped", async () => {
    await http().action(api.failing.failAfterEnd, {});
    const sent = async () => expect(await http().query(api.messages.list, { channel: "after" })).toEqual(["x"]);
    await eventually(sent);
    await isAlive();
  });

  test("a mutation that rejects a promise it does not await is rolled back", async () => {
    await expect(http().mutation(api.failing.rejectInMutation, {})).rejects.toThrow("Uncaught Error: left aside");
    expect(await http().query(api.messages.notes, { body: "never" })).toEqual([]);
  });

  test("a scheduled function that cancels itself stays canceled, and its writes count", async () => {
    const job = await http().mutation(api.failing.scheduleSelfCancelling, {});
    await eventually(async () => expect(await http().query(api.messages.notes, { body: "canceled" })).toHaveLength(1));
    expect(await http().query(api.failing.jobState, { job })).toBe("canceled");
  });
});

describe("errors of functions that functions call", () => {
  test("have the prefix that Convex gives them, once for each caller", async () => {
    const client = connectHttp(await start());
    const seen = { name: "ConvexError", message: 'Uncaught ConvexError: {"code":7}\n', data: { code: 7 } };
    expect(await client.mutation(api.failing.catchInMutation, {})).toEqual(seen);
    expect(await client.action(api.failing.catchInAction, {})).toEqual(seen);
    const error = await client.mutation(api.failing.passOn, { plain: false }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ConvexError);
    expect(error.data).toEqual({ code: 7 });
    expect(error.message).toContain('Server Error\nUncaught ConvexError: Uncaught ConvexError: {"code":7}\n');
    await expect(client.mutation(api.failing.passOn, { plain: true })).rejects.toThrow(
      "Server Error\nUncaught Error: Uncaught Error: boom 0\n",
    );
  });
});

test("the data of a ConvexError of an HTTP action are encoded once", async () => {
  const { siteUrl } = await start();
  const response = await fetch(`${siteUrl}/refuse`);
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ data: { code: 7, big: { $integer: "AQAAAAAAAAA=" } } });
});

test("process.env is printed as Convex prints it, and does not list names", async () => {
  const client = connectHttp(await start({ env: { FIXTURE_WORD: "here" } }));
  expect(await client.query(api.logging.printEnvironment, {})).toEqual({});
  const backend = await start();
  await connectHttp(backend).query(api.logging.printEnvironment, {});
  const lines = backend.trace.history().flatMap((event) => (event.type === "console" ? [event.message] : []));
  expect(lines).toEqual(["[process.env]"]);
});

test("two deployments of a process have an environment each", async () => {
  const [one, two] = [await start({ env: { FIXTURE_WORD: "one" } }), await start({ env: { FIXTURE_WORD: "two" } })];
  expect(await connectHttp(one).query(api.logging.environment, {})).toBe("one");
  expect(await connectHttp(two).query(api.logging.environment, {})).toBe("two");
});
