import { expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { logLine } from "./console";
import { api } from "./fixture";
import { connect, connectHttp, follow, start } from "./fixture/setup";
import { FunctionLog } from "./functionLog/log";
import type { ReportedFunction } from "./reporter";

type TestBackend = Awaited<ReturnType<typeof start>>;

interface Entry {
  kind: "Completion" | "Progress";
  udfType: string;
  identifier: string;
  logLines: unknown[];
  timestamp: number;
  requestId: string;
  executionId: string;
  usageStats?: Record<string, number>;
  [field: string]: unknown;
}

interface Poll {
  status: number;
  entries: Entry[];
  newCursor: number;
  code?: string;
  message?: string;
}

interface PollOptions {
  key?: string | null;
  client?: string;
  endpoint?: string;
}

/** Reads the log as `npx convex logs` does. */
async function poll(
  { url, logKey }: TestBackend,
  cursor: number | string = 0,
  { key = logKey, client, endpoint = "stream_function_logs" }: PollOptions = {},
): Promise<Poll> {
  const response = await fetch(`${url}/api/${endpoint}?cursor=${cursor}`, {
    headers: {
      ...(key === null ? {} : { authorization: `Convex ${key}` }),
      ...(client === undefined ? {} : { "convex-client": client }),
    },
  });
  return { status: response.status, ...(await response.json()) };
}

/** The fields of entries that most tests compare. */
function brief(entries: Entry[]) {
  return entries.map(({ kind, udfType, identifier, caller, logLines }) =>
    kind === "Progress" ? [kind, udfType, identifier, logLines] : [kind, udfType, identifier, caller, logLines],
  );
}

test("a query's entry says what it read, what it returned and what it wrote to its console", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.messages.send, { channel: "a", text: "x" });
  await http.mutation(api.messages.send, { channel: "a", text: "y" });
  const { newCursor: before } = await poll(backend);
  const startedAt = Date.now();
  await http.query(api.logging.count, { channel: "a" });
  const { status, entries, newCursor } = await poll(backend, before);
  expect(status).toBe(200);
  expect(newCursor).toBeGreaterThan(before);
  expect(entries).toEqual([
    {
      kind: "Completion",
      udfType: "Query",
      componentPath: null,
      identifier: "logging:count",
      logLines: ["[DEBUG] 'counted' {\n  channel: 'a',\n  n: 2\n}"],
      timestamp: expect.any(Number),
      cachedResult: false,
      caller: "HttpApi",
      parentExecutionId: null,
      executionTime: expect.any(Number),
      userExecutionTime: expect.any(Number),
      success: null,
      error: null,
      requestId: expect.stringMatching(/^[0-9a-f]{16}$/),
      executionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      usageStats: expect.objectContaining({
        databaseReadDocuments: 2,
        databaseWriteDocuments: 0,
        databaseWriteBytes: 0,
      }),
      // A float is a byte of type and eight of value.
      returnBytes: 9,
      occInfo: null,
      willRetry: false,
      executionTimestamp: expect.any(Number),
      identityType: "unknown",
      environment: "isolate",
    },
  ]);
  const [entry] = entries;
  expect((entry?.timestamp ?? 0) * 1_000).toBeGreaterThanOrEqual(startedAt);
  expect(entry?.usageStats?.databaseReadBytes).toBeGreaterThan(100);
});

test("a mutation's entry says what it wrote, and why it failed", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.messages.send, { channel: "a", text: "x" });
  await expect(http.mutation(api.messages.refuse, {})).rejects.toThrow();
  await expect(http.mutation(api.messages.send, { channel: 3 } as never)).rejects.toThrow();
  const { entries } = await poll(backend);
  expect(entries.map(({ error }) => error)).toEqual([
    null,
    'Uncaught ConvexError: {"code":7}\n',
    expect.stringMatching(/^ArgumentValidationError: /),
  ]);
  expect(entries.map(({ usageStats }) => usageStats?.databaseWriteDocuments)).toEqual([1, 1, 0]);
});

test("an answer from the cache has the lines again, no usage, and new ids", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.query(api.logging.count, { channel: "a" });
  await http.query(api.logging.count, { channel: "a" });
  const { entries } = await poll(backend);
  const [first, second] = entries;
  expect(entries.map(({ cachedResult }) => cachedResult)).toEqual([false, true]);
  expect(second?.logLines).toEqual(first?.logLines);
  expect(second?.usageStats).toMatchObject({ databaseReadDocuments: 0, databaseReadBytes: 0 });
  expect(second?.executionTimestamp).toBe(first?.executionTimestamp);
  expect(second?.requestId).not.toBe(first?.requestId);
  expect(second?.executionId).not.toBe(first?.executionId);
});

test("an action's lines come while it runs, and what it calls has entries of its own", async () => {
  const backend = await start();
  await connectHttp(backend).action(api.logging.act, {});
  await backend.idle();
  const { entries } = await poll(backend);
  expect(brief(entries)).toEqual([
    ["Progress", "Action", "logging:act", ["[LOG] 'acting'"]],
    ["Completion", "Mutation", "messages:send", "Action", []],
    ["Completion", "Query", "logging:count", "Action", [expect.stringContaining("[DEBUG] 'counted'")]],
    ["Completion", "Action", "logging:act", "HttpApi", []],
    ["Completion", "Mutation", "logging:levels", "Scheduler", expect.arrayContaining(["[ERROR] 'oops'"])],
  ]);
  const [progress, mutation, query, action, scheduled] = entries;
  expect(progress?.executionId).toBe(action?.executionId);
  expect([mutation?.parentExecutionId, query?.parentExecutionId]).toEqual([action?.executionId, action?.executionId]);
  expect(new Set([progress, mutation, query, action].map((entry) => entry?.requestId)).size).toBe(1);
  expect(scheduled?.requestId).not.toBe(action?.requestId);
  expect(scheduled?.parentExecutionId).toBe(null);
  const { entries: executions } = await poll(backend, 0, { endpoint: "stream_udf_execution" });
  expect(executions).toHaveLength(4);
  expect(executions[2]).toMatchObject({ identifier: "logging:act", logLines: ["[LOG] 'acting'"] });
});

test("an HTTP action's entry is named by its route, and has its status", async () => {
  const backend = await start();
  await fetch(`${backend.siteUrl}/files/x`);
  await fetch(`${backend.siteUrl}/crash`);
  await backend.idle();
  const { entries } = await poll(backend);
  expect(brief(entries)).toEqual([
    ["Progress", "HttpAction", "GET /files/*", ["[LOG] 'file' '/files/x'"]],
    ["Completion", "HttpAction", "GET /files/*", "HttpEndpoint", []],
    ["Completion", "HttpAction", "GET /crash", "HttpEndpoint", []],
  ]);
  expect(entries[1]).toMatchObject({ success: { status: "200" }, error: null, returnBytes: null });
  expect(entries[2]).toMatchObject({ success: null, error: "Uncaught Error: no page\n" });
});

test("what a query calls is part of its entry; subscriptions are entries of the sync worker", async () => {
  const backend = await start();
  const { client } = connect(backend);
  const { values } = follow(client, api.logging.outer, { channel: "a" });
  await eventually(() => expect(values).toEqual([0]));
  const { entries } = await poll(backend);
  expect(brief(entries)).toEqual([
    ["Completion", "Query", "logging:outer", "SyncWorker", ["[LOG] 'outer'", expect.stringContaining("'counted'")]],
  ]);
});

test("the command line and the dashboard get lines as objects", async () => {
  const backend = await start();
  await connectHttp(backend).query(api.logging.outer, { channel: "a" });
  for (const client of ["npm-cli-1.48.0", "dashboard-0.0.0"]) {
    const { entries } = await poll(backend, 0, { client });
    expect(entries[0]?.logLines).toEqual([
      { messages: ["'outer'"], level: "LOG", timestamp: expect.any(Number), isTruncated: false, systemMetadata: null },
      {
        messages: ["'counted'", "{\n  channel: 'a',\n  n: 0\n}"],
        level: "DEBUG",
        timestamp: expect.any(Number),
        isTruncated: false,
        systemMetadata: null,
        componentPath: "",
        udfPath: "logging.js:count",
      },
    ]);
  }
  const { entries } = await poll(backend, 0, { client: "npm-1.48.0" });
  expect(entries[0]?.logLines).toEqual(["[LOG] 'outer'", expect.stringMatching(/^\[DEBUG\] 'counted' \{/)]);
});

test("a reader waits for the next entry, and polls are no entries", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.query(api.logging.count, { channel: "a" });
  const { newCursor } = await poll(backend);
  const waiting = poll(backend, newCursor);
  await http.mutation(api.messages.send, { channel: "a", text: "x" });
  const { entries, newCursor: next } = await waiting;
  expect(brief(entries)).toEqual([["Completion", "Mutation", "messages:send", "HttpApi", []]]);
  expect(next).toBeGreaterThan(newCursor);
});

test("a reader without new entries gets an empty list and the same cursor", async () => {
  const backend = await start({ functionLog: { pollMs: 20 } });
  expect(await poll(backend, 12.5)).toEqual({ status: 200, entries: [], newCursor: 12.5 });
});

test("the log keeps the last completions", async () => {
  const backend = await start({ functionLog: { capacity: 3 } });
  const http = connectHttp(backend);
  for (let rank = 0; rank < 5; rank++) await http.query(api.logging.count, { channel: String(rank) });
  const { entries } = await poll(backend);
  expect(entries.map(({ logLines }) => /'(\d)'/.exec(String(logLines[0]))?.[1])).toEqual(["2", "3", "4"]);
});

test("entries of one millisecond have different cursors", async () => {
  const log = new FunctionLog();
  const line = logLine("LOG", ["x"], "a:b");
  const source = { path: "a:b" } as ReportedFunction;
  const cursors: number[] = [];
  const { signal } = new AbortController();
  for (let n = 0; n < 100; n++) {
    log.append({ kind: "Progress", source, startedAt: n, line });
    const read = await log.read(cursors.at(-1) ?? 0, signal);
    expect(read?.parts).toEqual([expect.objectContaining({ startedAt: n })]);
    // JSON must keep each of its digits.
    cursors.push(JSON.parse(JSON.stringify(read?.cursor)));
  }
  expect(new Set(cursors).size).toBe(100);
});

test("an action reads its deployment's own log", async () => {
  const logKey = "mine|0b";
  const backend = await start({ env: { FIXTURE_LOG_KEY: logKey }, logKey });
  const http = connectHttp(backend);
  await http.query(api.logging.count, { channel: "a" });
  await http.action(api.logging.follow, { cursor: 0 });
  expect(await http.query(api.messages.list, { channel: "followed" })).toEqual(["logging:count"]);
});

test.each([
  ["no key", null, 403, "BadDeployKey"],
  ["a key of another deployment", "embedded-backend|00", 401, "BadAdminKey"],
  ["a word", "key", 401, "BadAdminKey"],
])("with %s the log is refused", async (_case, key, status, code) => {
  const backend = await start();
  expect(await poll(backend, 0, { key })).toMatchObject({ status, code, message: expect.any(String) });
});

test("a key works with the prefix of a deployment's type, and a key given as option stays", async () => {
  const backend = await start({ adminKey: "mine|0a", logKey: "mine|0b" });
  await connectHttp(backend).query(api.logging.count, { channel: "a" });
  for (const key of ["mine|0a", "dev:mine|0a", "mine|0b"]) {
    expect((await poll(backend, 0, { key })).entries).toHaveLength(1);
  }
  expect(backend).toMatchObject({ adminKey: "mine|0a", logKey: "mine|0b" });
});

test("a cursor that is no number is refused", async () => {
  const backend = await start();
  expect(await poll(backend, "")).toMatchObject({ status: 400, code: "BadQueryArgs" });
  expect(await poll(backend, "x")).toMatchObject({ status: 400, message: expect.stringContaining("cursor is x") });
});

test("a backend that closes ends the polls with an error", async () => {
  const backend = await start();
  const waiting = poll(backend, Date.now() + 3_600_000);
  await fetch(`${backend.url}/files/x`);
  await backend.close();
  expect(await waiting).toMatchObject({ status: 500, code: "InternalServerError" });
});
