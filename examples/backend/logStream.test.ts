import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { logLine } from "./console";
import { api } from "./fixture";
import { type LogEvent, receiveLogs } from "./fixture/receiver";
import { connectHttp, events, start } from "./fixture/setup";
import { consoleEvent } from "./logStream/events";
import { LogStreamSender } from "./logStream/sender";
import { Trace } from "./trace";

const secret = "s3cret";
const intervalMs = 20;

const source = { udfType: "query", path: "a:b", component: "", requestId: "0", cached: true } as const;
const sent = Array.from({ length: 5_000 }, (_, i) => consoleEvent(source, logLine("LOG", [i], "a:b")));

/** A stream without a backend. */
async function startStream(url: string, intervalMs: number) {
  const outside = (work: () => void) => work();
  const trace = new Trace(outside);
  const target = { url, secret, intervalMs, format: "json", topics: ["console"] } as const;
  const stream = new LogStreamSender(target, trace, outside);
  expect(await stream.verify()).toBe(null);
  stream.start();
  onTestFinished(() => void stream.stop());
  return { stream, trace };
}

test("a new stream is probed, and events are signed", async () => {
  const receiver = await receiveLogs();
  const backend = await start({ logStream: { url: receiver.url, secret, intervalMs } });
  expect(receiver.requests[0]?.events).toMatchObject([
    { topic: "verification", message: "Convex connection test", timestamp: expect.any(Number) },
  ]);
  await connectHttp(backend).mutation(api.logging.levels, {});
  await backend.idle();
  expect(receiver.requests).toHaveLength(2);
  for (const { body, headers } of receiver.requests) {
    const hmac = createHmac("sha256", secret).update(body).digest("hex");
    expect(headers["x-webhook-signature"]).toBe(`sha256=${hmac}`);
    expect(headers["content-type"]).toBe("application/json");
  }
});

test("events have Convex's form", async () => {
  const receiver = await receiveLogs();
  const backend = await start({ logStream: { url: receiver.url, secret, intervalMs } });
  const http = connectHttp(backend);
  await http.query(api.logging.outer, { channel: "a" });
  await http.query(api.logging.count, { channel: "b" });
  await http.query(api.logging.count, { channel: "b" });
  await http.action(api.logging.act, {});
  await backend.idle();
  await fetch(`${backend.siteUrl}/files/x`);
  await backend.idle();
  const seen = receiver.events().map((event) => [event.function?.path, event.function?.type, event.function?.cached]);
  expect(seen).toEqual([
    ["logging:outer", "query", false],
    ["logging.js:count", "query", false],
    ["logging:count", "query", false],
    ["logging:count", "query", true],
    ["logging:act", "action", false],
    ["logging:count", "query", false],
    ["logging:levels", "mutation", null],
    ["logging:levels", "mutation", null],
    ["logging:levels", "mutation", null],
    ["logging:levels", "mutation", null],
    ["logging:levels", "mutation", null],
    ["GET /files/*", "http_action", false],
  ]);
  expect(receiver.events()[2]).toEqual({
    timestamp: expect.any(Number),
    topic: "console",
    function: {
      path: "logging:count",
      type: "query",
      cached: false,
      request_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      mutation_queue_length: null,
      mutation_retry_count: null,
    },
    log_level: "DEBUG",
    message: "'counted' {\n  channel: 'b',\n  n: 0\n}",
    is_truncated: false,
    system_code: null,
    convex: expect.objectContaining({ deployment_name: expect.any(String) }),
  });
});

test("lines wait for the interval and travel in batches of at most 128", async () => {
  const receiver = await receiveLogs();
  const { stream } = await startStream(receiver.url, 10);
  // Both in one turn of the event loop, so that no interval ends in between.
  stream.push(sent.slice(0, 200));
  stream.push(sent.slice(200, 300));
  expect(stream.empty).toBe(false);
  await stream.drained();
  expect(receiver.requests.slice(1).map((request) => request.events.length)).toEqual([128, 128, 44]);
  expect(receiver.events().map(({ message }) => Number(message))).toEqual([...Array(300).keys()]);
});

test("JSONL has one event a line", async () => {
  const receiver = await receiveLogs();
  const backend = await start({
    logStream: { url: receiver.url, secret, intervalMs, format: "jsonl" },
  });
  await connectHttp(backend).mutation(api.logging.levels, {});
  await backend.idle();
  const lines = (receiver.requests[1]?.body ?? "").split("\n");
  expect(lines.map((line) => (JSON.parse(line) as LogEvent).log_level)).toEqual([
    "DEBUG",
    "LOG",
    "INFO",
    "WARN",
    "ERROR",
  ]);
});

test.each([503, 408, 425, 429])("after a %d the batch is sent again", async (status) => {
  const receiver = await receiveLogs((n) => (n === 1 || n === 2 ? status : 200));
  const backend = await start({ logStream: { url: receiver.url, secret, intervalMs } });
  await connectHttp(backend).mutation(api.logging.flood, { lines: 1 });
  await backend.idle();
  expect(receiver.requests).toHaveLength(4);
  expect(new Set(receiver.requests.slice(1).map(({ body }) => body)).size).toBe(1);
  expect(events(backend, "delivery").map(({ status, attempt }) => [status, attempt])).toEqual([
    [200, 1],
    [status, 1],
    [status, 2],
    [200, 3],
  ]);
});

test("after a 421, which fetch itself takes as a reason to repeat, the batch is sent again", async () => {
  const receiver = await receiveLogs((n) => (n === 1 || n === 2 ? 421 : 200));
  const backend = await start({ logStream: { url: receiver.url, secret, intervalMs } });
  await connectHttp(backend).mutation(api.logging.flood, { lines: 1 });
  await backend.idle();
  expect(receiver.requests).toHaveLength(4);
  expect(events(backend, "delivery").at(-1)).toMatchObject({ status: 200, attempt: 2 });
});

test("other refusals lose the batch, and the next one is sent", async () => {
  const receiver = await receiveLogs((n) => (n === 1 ? 400 : 200));
  const backend = await start({ logStream: { url: receiver.url, secret, intervalMs } });
  const http = connectHttp(backend);
  await http.mutation(api.logging.flood, { lines: 1 });
  await backend.idle();
  expect(receiver.requests).toHaveLength(2);
  await http.mutation(api.logging.flood, { lines: 2 });
  await backend.idle();
  expect(receiver.requests.map((request) => request.events.length)).toEqual([1, 1, 2]);
});

test("a batch is sent six times, also when the endpoint does not answer", async () => {
  const receiver = await receiveLogs((n) => (n === 0 ? 200 : 500));
  const backend = await start({ logStream: { url: receiver.url, secret, intervalMs } });
  await connectHttp(backend).mutation(api.logging.flood, { lines: 1 });
  await backend.idle();
  expect(receiver.requests).toHaveLength(7);
  expect(events(backend, "delivery").at(-1)).toMatchObject({ status: 500, attempt: 6, events: 1 });
});

test("a stream whose endpoint refuses the probe stays silent", async () => {
  const receiver = await receiveLogs(() => 401);
  const backend = await start({ logStream: { url: receiver.url, secret, intervalMs } });
  await connectHttp(backend).mutation(api.logging.flood, { lines: 1 });
  await backend.idle();
  expect(receiver.requests).toHaveLength(1);
});

test("the buffer takes 4,096 events; what comes before it is emptied is lost, and the trace says so", async () => {
  const receiver = await receiveLogs();
  const { stream, trace } = await startStream(receiver.url, 3_600_000);
  stream.push(sent);
  await stream.drained();
  expect(receiver.requests.slice(1).map((request) => request.events.length)).toEqual(Array(32).fill(128));
  expect(trace.history().at(-1)).toMatchObject({ type: "delivery" });
  expect(trace.history().filter(({ type }) => type === "loss")).toMatchObject([{ events: 904 }]);
  stream.push(sent.slice(0, 1));
  expect(stream.empty).toBe(false);
  stream.stop();
  expect(receiver.events()).toHaveLength(4_096);
});

test("eight full buffers wait for a slow endpoint; the ninth is lost", async () => {
  const { receiver, release } = await receiveSlowly();
  const { stream, trace } = await startStream(receiver.url, 3_600_000);
  for (let buffers = 0; buffers < 10; buffers++) {
    stream.push(sent.slice(0, 4_096));
    await new Promise(setImmediate);
  }
  expect(trace.history().filter(({ type }) => type === "loss")).toMatchObject([{ events: 4_096 }]);
  release();
  stream.stop();
});

test("where an interval is shorter than a delivery, nothing is lost", async () => {
  const { receiver, release } = await receiveSlowly();
  const { stream, trace } = await startStream(receiver.url, 1);
  for (const event of sent.slice(0, 40)) {
    stream.push([event]);
    await sleep(3);
  }
  release();
  await stream.drained();
  expect(receiver.events()).toEqual(sent.slice(0, 40));
  expect(trace.history().filter(({ type }) => type === "loss")).toEqual([]);
});

test("a slow endpoint delays no function", async () => {
  const { receiver, release } = await receiveSlowly();
  const backend = await start({ logStream: { url: receiver.url, secret, intervalMs } });
  const http = connectHttp(backend);
  await http.mutation(api.logging.flood, { lines: 1 });
  await eventually(() => expect(receiver.requests).toHaveLength(2));
  expect(await http.query(api.logging.count, { channel: "a" })).toBe(0);
  release();
  await backend.idle();
  expect(receiver.events()).toHaveLength(2);
});

/** An endpoint that accepts the probe, and answers other requests only after `release`. */
async function receiveSlowly() {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const receiver = await receiveLogs(async (n) => {
    if (n > 0) await held;
    return 200;
  });
  return { receiver, release };
}

test("by default the stream calls a route of the app, whose own lines are events too", async () => {
  const backend = await start({ logStream: { path: "/files/none", secret, intervalMs } });
  expect(events(backend, "delivery")).toMatchObject([{ status: 404 }]);
  const looped = await start({ logStream: { path: "/logs", secret, intervalMs } });
  await connectHttp(looped).mutation(api.logging.flood, { lines: 3 });
  await looped.idle();
  expect(events(looped, "delivery")).toMatchObject([
    { status: 200, events: 1 },
    { status: 200, events: 3 },
  ]);
  const calls = events(looped, "execution").filter(({ path }) => path === "POST /logs");
  expect(calls).toMatchObject([
    { udfType: "httpAction", caller: "http", result: { status: 200 } },
    { udfType: "httpAction", caller: "http", result: { status: 200 } },
  ]);
});
