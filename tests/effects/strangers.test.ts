import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CACHED, consoleEvent, postBody, streamSignature } from "../logEvents.js";
import { sealedText } from "../nodeSeals.js";
import { endTestApp, STREAM_SECRET } from "../testApp.js";
import { add, startTotals } from "../totals.js";

afterEach(endTestApp);

const TABLES = ["totals", "lazyEffects", "lazyTags", "lazySweeps", "lazyRuns", "lazyTurns", "lazyHealth"];
const NEW_SECRET = "the stream's secret after the rotation";

describe("the posts of a stranger", () => {
  test("write nothing and do not change inspect's report, however many they are and whatever is in them", async () => {
    const app = startTotals({ onMissing: "null" });
    await app.mutation(add("a", 1));
    await app.settle((ctx) => app.totals.get(ctx, { list: "a" }));
    await app.mutation(add("a", 2));
    // What an attacker may have captured: a seal of the app, and a body with the log stream's signature.
    const { messages } = await app.collect((ctx) => app.totals.get(ctx, { list: "a" }));
    const [genuine = ""] = messages;
    const captured = streamSignature(JSON.stringify([consoleEvent(genuine)]));
    const state = async () => [await Promise.all(TABLES.map((table) => app.rows(table))), await app.inspect()];
    const before = await state();
    const jobs = (await app.jobs()).length;

    const message = fc.oneof(
      fc.constantFrom(
        genuine,
        genuine.slice(1, -1),
        `'${sealedText('[{"f":"lazy:sweep","a":{},"w":0}]', STREAM_SECRET)}'`,
      ),
      fc.string(),
    );
    const event = fc
      .record({
        message,
        topic: fc.constantFrom("console", "verification", "function_execution", "scheduler_stats"),
        isCached: fc.boolean(),
        age: fc.integer({ min: 0, max: 3_600_000 }),
      })
      .map(({ message, topic, isCached, age }) =>
        consoleEvent(message, { topic, timestamp: Date.now() - age, ...(isCached ? CACHED : {}) }),
      );
    const body = fc.oneof(
      fc.array(event, { maxLength: 5 }).map((events) => JSON.stringify(events)),
      fc.string(),
    );
    const signature = fc.oneof(
      fc.constantFrom(undefined, "", "sha256=", captured, `sha256=${"0".repeat(64)}`),
      fc.stringMatching(/^sha256=[0-9a-f]{64}$/),
      body.map((text) => streamSignature(text, "a guess")),
    );
    await fc.assert(
      fc.asyncProperty(body, signature, async (text, header) => {
        const headers: Record<string, string> = header === undefined ? {} : { "x-webhook-signature": header };
        const answer = await postBody(app, text, headers);
        const isProbe = /^\[({"topic":"verification".*)?\]$/.test(text);
        expect(isProbe ? [200, 401] : [401]).toContain(answer.status);
      }),
      { numRuns: 500 },
    );
    expect(await state()).toEqual(before);
    expect(await app.jobs()).toHaveLength(jobs);
  });
});

describe("a signed body of 4 MB with what users have typed", () => {
  const fake = (n: number) => `lazy-views:2:${n.toString(36).padStart(8, "0").padEnd(60, "A")}`;
  const post = async (messages: string[]) => {
    const app = startTotals({ onMissing: "null" });
    const { messages: own } = await app.collect((ctx) => app.totals.get(ctx, { list: "a" }));
    const decrypt = vi.spyOn(crypto.subtle, "decrypt");
    const events = [...own, ...messages].map((message) => consoleEvent(message));
    const answer = await postBody(app, JSON.stringify(events));
    return { answer, opened: decrypt.mock.calls.length };
  };

  test("is not searched for seals: a line that has more in it is passed over", async () => {
    const lines = Array.from({ length: 128 }, (_, i) =>
      Array.from({ length: 430 }, (_, j) => fake(430 * i + j)).join(" "),
    );
    const { answer, opened } = await post(lines);
    expect(answer).toMatchObject({ status: 200, forged: 0, effects: 1, dispatched: 1 });
    expect(opened).toBe(1);
  });

  test("has no more fake seals opened than Convex can deliver at once", async () => {
    const { answer, opened } = await post(Array.from({ length: 15_000 }, (_, i) => `'${fake(i)}'`));
    expect(answer).toMatchObject({ status: 200, effects: 1, dispatched: 1 });
    expect(opened).toBeLessThanOrEqual(2 * 128);
  });
});

describe("while the stream's secret rotates", () => {
  const start = async () => {
    const app = startTotals({ onMissing: "null" });
    const { messages } = await app.collect((ctx) => app.totals.get(ctx, { list: "a" }));
    const body = JSON.stringify(messages.map((message) => consoleEvent(message)));
    const post = (secret: string) => postBody(app, body, { "x-webhook-signature": streamSignature(body, secret) });
    return { app, post };
  };

  test("no delivery is lost: it is tried again until the new secret is set, and then both sign", async () => {
    const { post } = await start();
    expect(await post(NEW_SECRET)).toMatchObject({ status: 401 });
    // 1. The secret is kept as the previous one, too.
    vi.stubEnv("LAZY_VIEWS_STREAM_SECRET_PREVIOUS", STREAM_SECRET);
    expect(await post(STREAM_SECRET)).toMatchObject({ status: 200, dispatched: 1 });
    // 2. Convex signs with the new secret, which is not set yet: a 503 makes the stream try again.
    expect(await post(NEW_SECRET)).toMatchObject({ status: 503 });
    // 3. The new secret is set. Deliveries with the previous one are accepted too.
    vi.stubEnv("LAZY_VIEWS_STREAM_SECRET", NEW_SECRET);
    expect(await post(NEW_SECRET)).toMatchObject({ status: 200, duplicates: 1 });
    expect(await post(STREAM_SECRET)).toMatchObject({ status: 200, duplicates: 1 });
    expect(await post("a guess")).toMatchObject({ status: 401 });
    // 4. The previous secret is removed.
    vi.stubEnv("LAZY_VIEWS_STREAM_SECRET_PREVIOUS", "");
    expect(await post(STREAM_SECRET)).toMatchObject({ status: 401 });
    expect(await post(NEW_SECRET)).toMatchObject({ status: 200 });
  });

  test("an empty secret signs nothing", async () => {
    const { post } = await start();
    expect(await post("")).toMatchObject({ status: 401 });
    vi.stubEnv("LAZY_VIEWS_STREAM_SECRET", "");
    expect(await post("")).toMatchObject({ status: 503 });
    vi.stubEnv("LAZY_VIEWS_STREAM_SECRET_PREVIOUS", STREAM_SECRET);
    expect(await post(STREAM_SECRET)).toMatchObject({ status: 200 });
  });
});
