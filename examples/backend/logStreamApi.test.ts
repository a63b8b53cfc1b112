import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { api } from "./fixture";
import { type Received, receiveLogs } from "./fixture/receiver";
import { connectHttp, events, start } from "./fixture/setup";

type TestBackend = Awaited<ReturnType<typeof start>>;

const logStreamIntervalMs = 10;

/** Calls one of the endpoints. */
async function call({ url, adminKey }: TestBackend, path: string, body?: object, key = adminKey) {
  const response = await fetch(`${url}/api/v1/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Convex ${key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, answer: text === "" ? null : JSON.parse(text) };
}

/** Creates a stream of console lines, and waits until it delivers. */
async function create(backend: TestBackend, url: string): Promise<{ id: string; hmacSecret: string }> {
  const { status, answer } = await call(backend, "create_log_stream", {
    logStreamType: "webhook",
    url,
    format: "json",
    topics: ["console"],
  });
  expect(status).toBe(200);
  await eventually(async () => expect(await statusOf(backend)).toEqual({ type: "active" }));
  return answer;
}

async function statusOf(backend: TestBackend) {
  const { answer } = await call(backend, "list_log_streams");
  return answer[0]?.status;
}

async function log(backend: TestBackend) {
  await connectHttp(backend).mutation(api.logging.flood, { lines: 1 });
  await backend.idle();
}

function isSignedWith(secret: string, request: Received | undefined): boolean {
  const hmac = createHmac("sha256", secret)
    .update(request?.body ?? "")
    .digest("hex");
  return request?.headers["x-webhook-signature"] === `sha256=${hmac}`;
}

test("a new stream tries its endpoint, and delivers its topics, signed with the secret of the answer", async () => {
  const receiver = await receiveLogs();
  const backend = await start({ logStreamIntervalMs });
  const { id, hmacSecret, ...others } = await create(backend, receiver.url);
  expect(others).toEqual({ logStreamType: "webhook" });
  await log(backend);
  expect(receiver.requests.map((request) => request.events.map(({ topic }) => topic))).toEqual([
    ["verification"],
    ["console"],
  ]);
  expect(receiver.requests.map((request) => isSignedWith(hmacSecret, request))).toEqual([true, true]);
  const stream = {
    logStreamType: "webhook",
    id,
    status: { type: "active" },
    url: receiver.url,
    format: "json",
    hmacSecret,
    topics: ["console"],
  };
  expect((await call(backend, "list_log_streams")).answer).toEqual([stream]);
  expect((await call(backend, `get_log_stream/${id}`)).answer).toEqual(stream);
});

test("a new secret signs from when the stream is updated, as in Convex", async () => {
  const receiver = await receiveLogs();
  const backend = await start({ logStreamIntervalMs });
  const { id, hmacSecret: first } = await create(backend, receiver.url);
  const { answer } = await call(backend, `rotate_webhook_secret/${id}`, {});
  const second: string = answer.hmacSecret;
  expect(second).not.toBe(first);
  expect((await call(backend, `get_log_stream/${id}`)).answer.hmacSecret).toBe(second);
  await log(backend);
  expect(isSignedWith(first, receiver.requests.at(-1))).toBe(true);
  await call(backend, `update_log_stream/${id}`, { logStreamType: "webhook" });
  await eventually(async () => expect(await statusOf(backend)).toEqual({ type: "active" }));
  await log(backend);
  const [, , probe, events] = receiver.requests;
  expect(probe?.events).toMatchObject([{ topic: "verification" }]);
  expect([isSignedWith(second, probe), isSignedWith(second, events)]).toEqual([true, true]);
});

test("a stream whose endpoint refuses has failed, and delivers when it is updated to one that does not", async () => {
  const [refusing, accepting] = [await receiveLogs(() => 401), await receiveLogs()];
  const backend = await start({ logStreamIntervalMs });
  const { answer } = await call(backend, "create_log_stream", {
    logStreamType: "webhook",
    url: refusing.url,
    format: "jsonl",
  });
  const failed = { type: "failed", reason: "endpoint rejected the request with 401 Unauthorized" };
  await eventually(async () => expect(await statusOf(backend)).toEqual(failed));
  await log(backend);
  expect(refusing.requests).toHaveLength(1);
  const update = { logStreamType: "webhook", url: accepting.url, format: "json", topics: ["console"] };
  expect((await call(backend, `update_log_stream/${answer.id}`, update)).status).toBe(200);
  await eventually(async () => expect(await statusOf(backend)).toEqual({ type: "active" }));
  await log(backend);
  expect(accepting.events()).toHaveLength(1);
});

test("an updated stream delivers what gathered before", async () => {
  const [first, second] = [await receiveLogs(), await receiveLogs()];
  const backend = await start({ logStreamIntervalMs: 3_600_000 });
  const { id } = await create(backend, first.url);
  const http = connectHttp(backend);
  await http.mutation(api.logging.levels, {});
  await call(backend, `update_log_stream/${id}`, { logStreamType: "webhook", url: second.url });
  await eventually(async () => expect(await statusOf(backend)).toEqual({ type: "active" }));
  // A full buffer is sent at once.
  for (let n = 0; n < 17; n++) await http.mutation(api.logging.flood, { lines: 250 });
  await eventually(() => expect(second.events()).toHaveLength(4_096));
  expect(second.events()[0]).toMatchObject({ function: { path: "logging:levels" } });
});

test("a deleted stream delivers nothing more, and another can be created", async () => {
  const receiver = await receiveLogs();
  const backend = await start({ logStreamIntervalMs });
  const { id } = await create(backend, receiver.url);
  const again = { logStreamType: "webhook", url: receiver.url, format: "json" };
  expect(await call(backend, "create_log_stream", again)).toMatchObject({
    status: 409,
    answer: { code: "LogStreamAlreadyExists" },
  });
  expect((await call(backend, `delete_log_stream/${id}`, {})).status).toBe(200);
  await log(backend);
  expect(receiver.requests).toHaveLength(1);
  expect((await call(backend, `get_log_stream/${id}`)).answer).toMatchObject({ code: "LogStreamDoesntExist" });
  await create(backend, receiver.url);
});

test("the stream that a backend is started with is listed too", async () => {
  const receiver = await receiveLogs();
  const logStream = { url: receiver.url, secret: "s3cret", intervalMs: 10 };
  const backend = await start({ logStream });
  expect((await call(backend, "list_log_streams")).answer).toMatchObject([
    { url: receiver.url, hmacSecret: "s3cret", status: { type: "active" }, topics: ["console"] },
  ]);
});

test("to a route of the app, a stream of all topics never ends: its deliveries are events", async () => {
  const backend = await start({ logStreamIntervalMs });
  const url = `${backend.siteUrl}/logs`;
  await call(backend, "create_log_stream", { logStreamType: "webhook", url, format: "json", topics: null });
  await eventually(async () => expect(await statusOf(backend)).toEqual({ type: "active" }));
  await log(backend);
  // Each delivery calls the route, and this execution is an event for the next delivery.
  await eventually(() => expect(events(backend, "delivery").length).toBeGreaterThan(5));
  await backend.idle();
  expect(events(backend, "delivery").slice(2, 5)).toMatchObject(Array(3).fill({ events: 1, status: 200 }));
});

test("an execution is an event of its own topic", async () => {
  const receiver = await receiveLogs();
  const backend = await start({
    logStream: { url: receiver.url, secret: "x", intervalMs: 10, topics: ["function_execution"] },
  });
  const http = connectHttp(backend);
  await http.mutation(api.messages.send, { channel: "a", text: "x" });
  await expect(http.query(api.messages.crash, { channel: "a" })).rejects.toThrow();
  await eventually(() => expect(receiver.requests.flatMap((request) => request.events)).toHaveLength(3));
  expect(receiver.requests.flatMap((request) => request.events).slice(1)).toMatchObject([
    {
      topic: "function_execution",
      function: { path: "messages:send", type: "mutation" },
      status: "success",
      usage: { database_write_documents: 1 },
    },
    {
      topic: "function_execution",
      function: { path: "messages:crash", type: "query" },
      status: "failure",
      error_message: "Uncaught Error: boom 1\n",
      usage: { database_read_documents: 1 },
    },
  ]);
});

test("a key that may only view logs may neither see nor make streams", async () => {
  const backend = await start();
  const refused = (permission: string) => ({
    status: 403,
    answer: {
      code: "OperationNotPermitted",
      message: `You do not have permission to perform this operation (${permission}).`,
    },
  });
  expect(await call(backend, "list_log_streams", undefined, backend.logKey)).toEqual(
    refused("deployment:integrations:view"),
  );
  expect(await call(backend, "create_log_stream", {}, backend.logKey)).toEqual(
    refused("deployment:integrations:write"),
  );
});

test("a deployment whose plan has no log streams refuses to create one", async () => {
  const backend = await start({ hasLogStreams: false });
  const args = { logStreamType: "webhook", url: "http://127.0.0.1:1/", format: "json" };
  expect(await call(backend, "create_log_stream", args)).toMatchObject({
    status: 403,
    answer: { code: "LogStreamingNotEnabled" },
  });
  expect((await call(backend, "list_log_streams")).answer).toEqual([]);
});

test.each([
  ["no JSON object", "BadJsonBody", []],
  ["another kind of stream", "BadJsonBody", { logStreamType: "axiom" }],
  ["no URL", "BadJsonBody", { logStreamType: "webhook", format: "json" }],
  ["a bad URL", "InvalidWebhookUrl", { logStreamType: "webhook", format: "json", url: "here" }],
  ["a bad format", "BadJsonBody", { logStreamType: "webhook", format: "xml", url: "http://a/" }],
  ["no topic", "EmptyLogTopics", { logStreamType: "webhook", format: "json", url: "http://a/", topics: [] }],
  ["a bad topic", "InvalidLogTopic", { logStreamType: "webhook", format: "json", url: "http://a/", topics: ["x"] }],
])("a stream with %s is refused", async (_case, code, args) => {
  const backend = await start();
  expect(await call(backend, "create_log_stream", args)).toMatchObject({ status: 400, answer: { code } });
});
