import { expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { api } from "./fixture";
import { receiveLogs } from "./fixture/receiver";
import { connect, connectHttp, follow, start } from "./fixture/setup";

const logKey = "embedded-backend|0b";
const env = { FIXTURE_WORD: "kept" };

async function readLog({ url }: { url: string }, cursor = 0) {
  const response = await fetch(`${url}/api/stream_function_logs?cursor=${cursor}`, {
    headers: { authorization: `Convex ${logKey}` },
  });
  return { status: response.status, ...(await response.json()) };
}

/** Repeats a request, because its first connection may be one that the restart has cut. */
async function retrying<T>(request: () => Promise<T>): Promise<T> {
  return await request().catch(() => eventually(request));
}

/** The identifiers and errors of the entries. */
function brief({ entries }: { entries: { identifier: string; error?: string | null }[] }) {
  return entries.map(({ identifier, error = null }) => [identifier, error]);
}

test("clients connect again by themselves, and see data and environment as they were", async () => {
  const backend = await start({ env });
  const { client, sockets } = connect(backend);
  const messages = follow(client, api.messages.list, { channel: "a" });
  const word = follow(client, api.logging.environment, {});
  await client.mutation(api.messages.send, { channel: "a", text: "before" });
  await eventually(() => expect(messages.values.at(-1)).toEqual(["before"]));
  await backend.restart();
  await client.mutation(api.messages.send, { channel: "a", text: "after" });
  await eventually(() => expect(messages.values.at(-1)).toEqual(["before", "after"]));
  expect(word.values.at(-1)).toBe("kept");
  expect(sockets.length).toBeGreaterThan(1);
});

test("a running scheduled action fails, stops, and is the first entry of the new log", async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const receiver = await receiveLogs(() => held.then(() => 200));
  const backend = await start({ logKey });
  const http = connectHttp(backend);
  const job = await http.mutation(api.logging.callLater, { url: receiver.url });
  await eventually(() => expect(receiver.requests).toHaveLength(1));
  await backend.restart();
  await backend.idle();
  const log = await retrying(() => readLog(backend));
  expect(brief(log)).toEqual([["logging:call", "Transient error while executing action\n"]]);
  const state = await backend.run(async (ctx) => (await ctx.db.system.get(job as never)) as { state: unknown } | null);
  expect(state).toMatchObject({ state: { kind: "failed" } });
  release();
  // Its code still runs, and would write next.
  await eventually(() => expect(receiver.requests).toHaveLength(2));
  for (let n = 0; n < 3; n++) {
    expect(await http.query(api.messages.list, { channel: "called" })).toEqual([]);
  }
});

test("an action that a client called stops at its next timer, and has no entry", async () => {
  const receiver = await receiveLogs();
  const backend = await start({ logKey });
  const http = connectHttp(backend);
  const call = expect(http.action(api.logging.callOften, { url: receiver.url })).rejects.toThrow();
  await eventually(() => expect(receiver.requests.length).toBeGreaterThan(2));
  await backend.restart();
  await call;
  await retrying(() => http.query(api.logging.count, { channel: "a" }));
  const calls = receiver.requests.length;
  for (let n = 0; n < 10; n++) await http.query(api.logging.count, { channel: "a" });
  expect(receiver.requests.length).toBeLessThanOrEqual(calls + 1);
  const log = await readLog(backend);
  expect(log.entries).toHaveLength(11);
});

test("the log is empty, polls end with an error, and cursors hold", async () => {
  const backend = await start({ logKey });
  const http = connectHttp(backend);
  await http.query(api.logging.count, { channel: "a" });
  const { newCursor } = await readLog(backend);
  const waiting = readLog(backend, newCursor);
  await http.query(api.messages.list, { channel: "none" });
  await waiting;
  const polling = readLog(backend, Date.now() + 3_600_000);
  await http.query(api.messages.list, { channel: "none" });
  await backend.restart();
  expect(await polling).toMatchObject({ status: 500 });
  await retrying(() => http.query(api.logging.count, { channel: "a" }));
  const read = await readLog(backend, newCursor);
  expect(brief(read)).toEqual([["logging:count", null]]);
  // The cache was lost too.
  expect(read.entries[0].cachedResult).toBe(false);
});

test("functions that wait for their time run when it has come", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.messages.sendLater, { text: "late", delayMs: 100 });
  await backend.restart();
  await eventually(async () => expect(await http.query(api.messages.list, { channel: "later" })).toEqual(["late"]));
});

test("what log streams have not delivered is lost; they go on without being tried again", async () => {
  const receiver = await receiveLogs();
  const logStream = { url: receiver.url, secret: "s", intervalMs: 3_600_000 };
  const backend = await start({ logStream });
  const http = connectHttp(backend);
  await http.mutation(api.logging.flood, { lines: 3 });
  await backend.restart();
  await backend.idle();
  expect(receiver.requests).toHaveLength(1);
  // A full buffer is sent at once.
  await retrying(() => http.query(api.messages.list, { channel: "a" }));
  for (let n = 0; n < 17; n++) await http.mutation(api.logging.flood, { lines: 250 });
  await eventually(() => expect(receiver.events()).toHaveLength(4_096));
  expect(receiver.requests[1]?.events[0]).toMatchObject({ topic: "console", message: "0" });
});
