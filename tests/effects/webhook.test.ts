import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CACHED, consoleEvent, postBody, streamSignature } from "../logEvents.js";
import { sealedText } from "../nodeSeals.js";
import { endTestApp, STREAM_SECRET, startTestApp } from "../testApp.js";
import { startTotals, tables } from "../totals.js";

const sign = streamSignature;
const event = consoleEvent;

let app: ReturnType<typeof startTotals>;
beforeEach(() => {
  app = startTotals();
});
afterEach(endTestApp);

const post = (body: string | Buffer, headers?: Record<string, string>) => postBody(app, body, headers);
const postEvents = (...events: object[]) => post(JSON.stringify(events));
const staleRead = async (list = "a") => {
  const { messages } = await app.collect((ctx) => app.totals.get(ctx, { list }));
  return messages[0] as string;
};
const nothing = { dispatched: 0, trailing: 0, duplicates: 0, superseded: 0, refused: 0 };

describe("what arrives", () => {
  test("an effect is dispatched, from a cached execution too, and from a message without quotes", async () => {
    expect(await postEvents(event(await staleRead()))).toEqual({
      status: 200,
      events: 1,
      effects: 1,
      forged: 0,
      ...nothing,
      dispatched: 1,
    });
    const cached = event(await staleRead("b"), CACHED);
    expect(await postEvents(cached)).toMatchObject({ status: 200, dispatched: 1 });
    const bare = event((await staleRead("c")).slice(1, -1));
    expect(await postEvents(bare)).toMatchObject({ status: 200, dispatched: 1 });
    await app.advance(0);
    expect(await app.rows("totals")).toHaveLength(3);
  });

  test("JSON lines are the same", async () => {
    const lines = [event(await staleRead("a")), event("'hello'"), event(await staleRead("b"))];
    const body = lines.map((line) => JSON.stringify(line)).join("\n");
    expect(await post(body)).toMatchObject({ status: 200, events: 3, effects: 2, dispatched: 2 });
    expect(await post(JSON.stringify(event("'one line'")))).toMatchObject({
      events: 1,
      effects: 0,
    });
  });

  test("a message with more in it than a seal is text of the app, and starts nothing", async () => {
    const message = await staleRead();
    const texts = [
      `'[request 7]' ${message} { a: 1 }`,
      `${message} ${message}`,
      ` ${message}`,
      `'user said ${message}'`,
    ];
    expect(await postEvents(...texts.map((text) => event(text)))).toMatchObject({ events: 4, effects: 0, forged: 0 });
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test("equal effects of one body are dispatched once, and a body that arrives twice changes nothing", async () => {
    const message = await staleRead();
    const body = JSON.stringify([event(message), event(message), event(await staleRead())]);
    expect(await post(body)).toMatchObject({ events: 3, effects: 1, dispatched: 1 });
    expect(await post(body)).toMatchObject({ dispatched: 0, duplicates: 1 });
  });

  test("hundreds of effects go in chunks", async () => {
    const keys = Array.from({ length: 250 }, (_, i) => ({ list: `list ${i}` }));
    const { messages } = await app.collect((ctx) => app.totals.getMany(ctx, keys));
    const answer = await postEvents(...messages.map((message) => event(message)));
    expect(answer).toMatchObject({ effects: 250, dispatched: 250 });
  });

  test("other topics and other lines are passed over; an empty array is fine", async () => {
    const message = await staleRead();
    const other = event(message, { topic: "function_execution" });
    const noMessage = { topic: "console", timestamp: Date.now() };
    expect(await postEvents(other, noMessage, event("'user said hi'"))).toMatchObject({
      status: 200,
      effects: 0,
    });
    expect(await postEvents()).toMatchObject({ status: 200, events: 0 });
  });

  test("5 MB of the app's own lines are fine", async () => {
    const big = Array.from({ length: 128 }, () => event(`'${"x".repeat(40_000)}'`));
    const body = JSON.stringify([...big, event(await staleRead())]);
    expect(body.length).toBeGreaterThan(5_000_000);
    expect(await post(body)).toMatchObject({ status: 200, events: 129, dispatched: 1 });
  });

  test("a seal of the previous secret is accepted while that is set", async () => {
    const message = await staleRead();
    vi.stubEnv("LAZY_VIEWS_SECRET", "f".repeat(32));
    expect(await postEvents(event(message))).toMatchObject({ effects: 0, forged: 1 });
    vi.stubEnv("LAZY_VIEWS_SECRET_PREVIOUS", "0123456789abcdef0123456789abcdef");
    expect(await postEvents(event(message))).toMatchObject({ effects: 1, dispatched: 1 });
  });
});

describe("what is refused", () => {
  test.each<[string, Record<string, string>]>([
    ["missing", {}],
    ["of another secret", { "x-webhook-signature": sign("[]", "another secret") }],
    ["of another body", { "x-webhook-signature": sign("[] ") }],
    ["not hex", { "x-webhook-signature": `sha256=${"z".repeat(64)}` }],
    ["too short", { "x-webhook-signature": "sha256=abcd" }],
    ["of no known form", { "x-webhook-signature": "md5=0" }],
    ["empty", { "x-webhook-signature": "" }],
  ])("a signature that is %s → 401", async (_, headers) => {
    expect(await post("[]", headers)).toMatchObject({ status: 401 });
  });

  test("5 MB with a wrong signature → 401, and nothing is dispatched", async () => {
    const body = JSON.stringify([event(await staleRead()), event("x".repeat(5_000_000))]);
    expect(await post(body, { "x-webhook-signature": sign("") })).toMatchObject({ status: 401 });
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test.each<[string, string | Buffer]>([
    ["empty", ""],
    ["text", "hello"],
    ["JSON of no events", '"hello"'],
    ["an array of no events", "[1, 2]"],
    ["cut JSON", '[{"topic":"console"'],
    ["cut JSON lines", '{"topic":"console"}\n{"top'],
    ["not UTF-8", Buffer.from([0xff, 0xfe, 0x00])],
  ])("a body that is %s → 400", async (_, body) => {
    expect(await post(body)).toMatchObject({ status: 400 });
  });

  test("effect lines that are forged, cut, altered or made by hand start nothing", async () => {
    const message = await staleRead();
    const seal = message.slice(1, -1);
    const json = '[{"f":"run:mutation","a":{},"w":0}]';
    const lines = [
      seal.slice(0, -1),
      seal.slice(0, 60),
      `${seal}AAAA`,
      seal.replace(":2:", ":1:"),
      sealedText(json, "a guess of more than thirty-two characters"),
      sealedText(json, STREAM_SECRET),
      `lazy-views:2:${Buffer.from(json).toString("base64url")}`,
      `lazy-views:1:${Buffer.from(json).toString("base64url")}.${"A".repeat(43)}`,
      "lazy-views:2:",
    ];
    const answer = await postEvents(...lines.map((line) => event(`'${line}'`)));
    expect(answer).toMatchObject({ status: 200, effects: 0, dispatched: 0 });
    expect(await app.rows("lazyEffects")).toEqual([]);
  });

  test("a forged line that the app logs from a user's text starts nothing, and the app's own go on", async () => {
    const forged = sealedText('[{"f":"run:mutation","a":{},"w":0}]', "a guess of more than thirty-two characters");
    const answer = await postEvents(event(`'${forged}'`), event(await staleRead()));
    expect(answer).toMatchObject({ status: 200, forged: 1, effects: 1, dispatched: 1 });
  });
});

describe("trouble of its own", () => {
  test("no stream secret → 503, with the remedy; a verification event is answered all the same", async () => {
    vi.stubEnv("LAZY_VIEWS_STREAM_SECRET", "");
    expect(await postEvents(event(await staleRead()))).toEqual({
      status: 503,
      error: "LAZY_VIEWS_STREAM_SECRET is not set; set it to the log stream's hmacSecret.",
    });
    expect((await app.inspect()).problems[0]).toContain("LAZY_VIEWS_STREAM_SECRET is not set");
    const probe = JSON.stringify([{ topic: "verification", timestamp: Date.now(), message: "hi" }]);
    expect(await post(probe, {})).toEqual({ status: 200, verified: true });
    const long = JSON.stringify([{ topic: "verification", message: "x".repeat(20_000) }]);
    expect(await post(long, {})).toMatchObject({ status: 503 });
    const mixed = [{ topic: "verification" }, event(await staleRead())];
    expect(await post(JSON.stringify(mixed), {})).toMatchObject({ status: 503 });
  });

  test.each(["dispatch", "inspect"])(
    "the app forgot to export %s → 503 with the remedy, so that the stream tries again",
    async (name) => {
      const messages = [await staleRead()];
      app = { ...startTotals({}, { forgotten: [name] }) };
      const answer = await postEvents(...messages.map((message) => event(message)));
      expect(answer).toMatchObject({
        status: 503,
        error: expect.stringContaining(`export const { ${name} } = lazy.functions();`),
      });
    },
  );

  test("a wrong module path → 503 with the remedy; inspect says which path is right", async () => {
    const wrong = startTestApp({ tables, module: "lib/lazy" });
    const { messages } = await wrong.collect((ctx) =>
      (ctx.scheduleEffect as (...args: unknown[]) => void)({ [Symbol.for("functionName")]: "a:b" }),
    );
    app = wrong as never;
    expect(await postEvents(...messages.map((message) => event(message)))).toMatchObject({
      status: 503,
      error: expect.stringContaining("lib/lazy:dispatch could not be called"),
    });
    await expect(wrong.inspect()).rejects.toThrow(
      'new LazyViews({ module }) is "lib/lazy"; set module to "lazy", which exports inspect.',
    );
  });
});
