import { anyApi, type FunctionReference } from "convex/server";
import { deliverEffects } from "convex-lazy-views/test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { EFFECTS_PATH } from "../../src/app/lazyViews.js";
import { sign } from "../../src/effects/crypto.js";
import { type AppOptions, endTestApp, STREAM_SECRET, startTestApp } from "../testApp.js";

afterEach(endTestApp);

const MINUTE = 60_000;

function start(options: AppOptions = {}) {
  const app = startTestApp(options);
  const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;
  return {
    ...app,
    /** Sends a canary; the log lines that its query wrote. */
    async send() {
      const { messages } = await app.testing.collect(() => app.t.action(heartbeat));
      return messages;
    },
    /** Posts events to the route, signed with a secret. */
    async post(events: object[], secret = STREAM_SECRET) {
      const body = JSON.stringify(events.map((event) => ({ timestamp: Date.now(), ...event })));
      const signature = Buffer.from(await sign(body, secret)).toString("hex");
      const headers = { "x-webhook-signature": `sha256=${signature}` };
      return (await app.t.fetch(EFFECTS_PATH, { method: "POST", headers, body })).status;
    },
  };
}

describe("the canary", () => {
  test("goes the whole way, and inspect tells how long it took", async () => {
    const app = start();
    const sentAt = Date.now();
    const messages = await app.send();
    expect(messages).toHaveLength(1);
    await app.advance(4_000);
    await deliverEffects(app.t, messages);
    await app.advance(10);
    const { stream, problems } = await app.inspect();
    expect(stream).toMatchObject({ canarySentAt: sentAt, missed: 0 });
    expect(stream?.delayMs).toBeGreaterThanOrEqual(4_000);
    expect(stream?.delayMs).toBeLessThan(4_100);
    expect(problems).toEqual([]);
  });

  test("that does not come back is missed when the next one is sent: the stream is dead", async () => {
    const app = start();
    await app.send();
    expect((await app.inspect()).problems).toEqual([]);
    for (const missed of [1, 2]) {
      await app.advance(10 * MINUTE);
      const messages = await app.send();
      const { stream, problems } = await app.inspect();
      expect(stream?.missed).toBe(missed);
      expect(problems).toEqual([
        expect.stringContaining("is deleted, paused, posts to another URL, or signs with another"),
      ]);
      if (missed === 2) await deliverEffects(app.t, messages);
    }
    await app.advance(10);
    expect((await app.inspect()).problems).toEqual([]);
  });

  test("is not sent by an app without a log stream", async () => {
    const app = start({ transports: ["client"] });
    expect(await app.send()).toEqual([]);
    const { stream, problems } = await app.inspect();
    expect(stream).toBeNull();
    expect(problems).toEqual([]);
  });
});

describe("what the route sees of a stream", () => {
  test("a signature of another secret is not noted: the canary is missed, and the secret is one cause", async () => {
    const app = start();
    await app.send();
    const before = await app.rows("lazyHealth");
    expect(await app.post([{ topic: "console", message: "x" }], "another stream's secret")).toBe(401);
    expect(await app.rows("lazyHealth")).toEqual(before);
    await app.advance(10 * MINUTE);
    await app.send();
    expect((await app.inspect()).problems).toEqual([
      expect.stringContaining("signs with another secret than LAZY_VIEWS_STREAM_SECRET"),
    ]);
  });

  test("topics that loop are named", async () => {
    const app = start();
    const events = [{ topic: "console", message: "x" }, { topic: "function_execution" }, { topic: "audit_log" }];
    expect(await app.post(events)).toBe(200);
    expect((await app.inspect()).problems).toEqual([
      expect.stringContaining('other topics than "console" (audit_log, function_execution)'),
    ]);
  });

  test("is noted once a minute, however many requests there are", async () => {
    const app = start();
    const notes = async () => (await app.rows("lazyHealth")).map(({ foreignAt }) => foreignAt);
    const first = Date.now();
    const events = [{ topic: "audit_log" }];
    for (let i = 0; i < 20; i++) {
      await app.post(events);
      vi.advanceTimersByTime(100);
    }
    expect(await notes()).toEqual([first]);
    vi.advanceTimersByTime(MINUTE);
    await app.post(events);
    expect((await notes())[0]).toBeGreaterThan(first);
  });

  test("requests without a signature of the right form are not noted", async () => {
    const app = start();
    const forms: Record<string, string>[] = [{}, { "x-webhook-signature": "sha256=abc" }];
    for (const headers of forms) {
      await app.t.fetch(EFFECTS_PATH, { method: "POST", headers, body: "[]" });
    }
    expect(await app.rows("lazyHealth")).toEqual([]);
  });
});
