import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { LogEntry, LogPage } from "./functionLog.js";
import { type ConsoleEvent, type Delivery, relay, toEvents } from "./relay.js";

/** A site whose route gives these answers, one a POST, and then takes all. It checks no signature by itself. */
async function siteThatAnswers(...statuses: (number | "drop")[]) {
  const posts: { events: ConsoleEvent[]; body: string; signature: unknown; path: string | undefined }[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    posts.push({
      body,
      events: JSON.parse(body) as ConsoleEvent[],
      signature: request.headers["x-webhook-signature"],
      path: request.url,
    });
    const status = statuses[posts.length - 1] ?? 200;
    if (status === "drop") response.destroy();
    else
      response.writeHead(status).end(JSON.stringify(status < 400 ? { effects: 1, dispatched: 1 } : { error: "Why." }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { posts, siteUrl: `http://127.0.0.1:${(server.address() as { port: number }).port}` };
}

/** A query that has ended now, with these lines. */
const query = (logLines: string[], rest: Partial<LogEntry> = {}): LogEntry => ({
  kind: "Completion",
  udfType: "Query",
  identifier: "orders:total",
  componentPath: null,
  requestId: "request",
  executionId: "execution",
  timestamp: Date.now() / 1_000,
  executionTimestamp: Date.now() / 1_000,
  executionTime: 0,
  cachedResult: false,
  caller: "SyncWorker",
  parentExecutionId: null,
  usageStats: { databaseReadBytes: 0, databaseReadDocuments: 0, databaseWriteBytes: 0, databaseWriteDocuments: 0 },
  returnBytes: null,
  error: null,
  logLines,
  ...(rest as object),
});

const line = (name: string | number) => `[DEBUG] 'lazy-views:2:${name}'`;

/** Relays these pages to their end. */
async function relayAll(siteUrl: string, entries: LogEntry[][], secrets = ["secret"]): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  const pages: LogPage[] = entries.map((each) => ({ entries: each, newCursor: 0, gap: null }));
  const left = [...secrets];
  await relay({
    log: (async function* () {
      yield* pages;
    })(),
    siteUrl,
    secret: async () => (left.length > 1 ? (left.shift() as string) : (left[0] ?? "")),
    signal: new AbortController().signal,
    onDelivery: (delivery) => deliveries.push(delivery),
  });
  return deliveries;
}

beforeEach(() => {
  vi.spyOn(Math, "random").mockReturnValue(1); // The shortest pauses.
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});

describe("what a relay takes from the log", () => {
  test("is lines that are one seal, each once", () => {
    const entries = [
      query([line("a"), "[LOG] 'lazy-views:2:b and more'", "[LOG] 'hello'", line("c")]),
      query([line("a")], { identifier: "orders:list" }),
    ];
    expect(toEvents(entries).map(({ message }) => message)).toEqual(["'lazy-views:2:a'", "'lazy-views:2:c'"]);
  });

  test("is nothing that the route itself has logged", () => {
    const route = { kind: "Progress", udfType: "HttpAction", identifier: "POST /lazy-views/effects" } as const;
    expect(toEvents([query([line("a")], route)])).toEqual([]);
  });

  test("has the age of the result, where that came from the cache", () => {
    const [event] = toEvents([
      query([line("a")], { cachedResult: true, executionTimestamp: 7, timestamp: 9 } as object),
    ]);
    expect(event).toMatchObject({ timestamp: 7_000, function: { path: "orders:total", type: "query", cached: true } });
  });

  test("is of the last seconds only, when it starts", async () => {
    const { posts, siteUrl } = await siteThatAnswers();
    const old = query([line("old")], { timestamp: Date.now() / 1_000 - 60 });
    await relayAll(siteUrl, [[old, query([line("new")])], [query([line("newer")], { timestamp: 1 })]]);
    expect(posts.map(({ events }) => events.map(({ message }) => message))).toEqual([
      ["'lazy-views:2:new'"],
      ["'lazy-views:2:newer'"],
    ]);
  });
});

describe("a delivery of a relay", () => {
  test("is signed, and of at most 128 lines", async () => {
    const { posts, siteUrl } = await siteThatAnswers();
    const deliveries = await relayAll(siteUrl, [[query(Array.from({ length: 130 }, (_, i) => line(i)))]]);
    expect(posts.map(({ events, path }) => [events.length, path])).toEqual([
      [128, "/lazy-views/effects"],
      [2, "/lazy-views/effects"],
    ]);
    for (const { body, signature } of posts) {
      expect(signature).toBe(`sha256=${createHmac("sha256", "secret").update(body).digest("hex")}`);
    }
    expect(deliveries).toMatchObject([{ status: 200, events: 128, answer: { dispatched: 1 } }, { events: 2 }]);
  });

  test("is repeated until it is taken, and what comes after it waits", async () => {
    const { posts, siteUrl } = await siteThatAnswers(503, "drop", 404, 200);
    await relayAll(siteUrl, [[query([line("a")])], [query([line("b")])]]);
    expect(posts.map(({ events }) => events[0]?.message)).toEqual([
      ...Array(4).fill("'lazy-views:2:a'"),
      "'lazy-views:2:b'",
    ]);
  });

  test("is over when the route does not want it", async () => {
    const { posts, siteUrl } = await siteThatAnswers(400);
    await relayAll(siteUrl, [[query([line("a")])]]);
    expect(posts).toHaveLength(1);
  });

  test("is signed anew when the secret has been rotated", async () => {
    const { posts, siteUrl } = await siteThatAnswers(401, 200);
    await relayAll(siteUrl, [[query([line("a")])]], ["before", "after"]);
    expect(
      posts.map(
        ({ body, signature }) => signature === `sha256=${createHmac("sha256", "after").update(body).digest("hex")}`,
      ),
    ).toEqual([false, true]);
  });

  test("ends the relay when the signature is refused, and says where the secret comes from", async () => {
    const { siteUrl } = await siteThatAnswers(401);
    await expect(relayAll(siteUrl, [[query([line("a")])]])).rejects.toThrow(
      "npx convex env get LAZY_VIEWS_STREAM_SECRET",
    );
  });
});
