import { anyApi, type FunctionReference } from "convex/server";
import { deliverEffects } from "convex-lazy-views/test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { EFFECTS_PATH } from "../../src/app/wiring.js";
import { sign } from "../../src/effects/crypto.js";
import { type AppOptions, endTestApp, STREAM_SECRET, startTestApp } from "../testApp.js";

afterEach(endTestApp);

const MINUTE = 60_000;
const DEAD_STREAM = expect.stringContaining("is deleted, paused, posts to another URL, or signs with another");

function start(options: AppOptions = {}) {
  const app = startTestApp(options);
  const heartbeat = anyApi.lazy?.heartbeat as FunctionReference<"action">;
  return {
    ...app,
    /** Sends a canary, and returns the log lines of its query. */
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
  test("goes the whole way to a recompute, and inspect tells how long it took", async () => {
    const app = start();
    expect((await app.inspect()).problems).toEqual([
      "Not checked yet: recompute, dispatch, sweep, inspect, heartbeat; run npx convex run lazy:heartbeat.",
    ]);
    const sentAt = Date.now();
    const messages = await app.send();
    expect(messages).toHaveLength(1);
    await app.advance(4_000);
    await deliverEffects(app.t, messages);
    expect((await app.inspect()).problems).not.toEqual([]); // Its recompute is dispatched, and has yet to start.
    await app.advance(10);
    const { stream, problems } = await app.inspect();
    expect(stream).toMatchObject({ canarySentAt: sentAt, missed: 0 });
    expect(stream?.delayMs).toBeGreaterThanOrEqual(4_000);
    expect(stream?.delayMs).toBeLessThan(4_100);
    expect(problems).toEqual([]);
  });

  test("is reported as on its way for a minute; then the stream is reported as dead", async () => {
    const app = start();
    await app.send();
    await app.advance(50_000);
    expect((await app.inspect()).problems).toEqual([
      "Still being checked: the canary is on its way. Run inspect again.",
    ]);
    await app.advance(10_000);
    expect((await app.inspect()).problems).toEqual([DEAD_STREAM]);
  });

  test("that does not come back is missed when the next one is sent, and logged", async () => {
    const app = start();
    await app.send();
    const complaint = vi.spyOn(console, "error").mockReturnValue();
    for (const missed of [1, 2]) {
      await app.advance(10 * MINUTE);
      const messages = await app.send();
      const { stream, problems } = await app.inspect();
      expect(stream?.missed).toBe(missed);
      expect(problems).toEqual([DEAD_STREAM]);
      expect(complaint).toHaveBeenCalledTimes(missed);
      if (missed === 2) await deliverEffects(app.t, messages);
    }
    await app.advance(10);
    expect((await app.inspect()).problems).toEqual([]);
  });

  test("is not missed when the next one is sent a moment later, and is waited for however often that happens", async () => {
    const app = start();
    const complaint = vi.spyOn(console, "error").mockReturnValue();
    for (let beats = 0; beats < 3; beats++) {
      await app.send();
      expect(complaint).not.toHaveBeenCalled();
      expect((await app.inspect()).problems).toEqual([expect.stringContaining("Still being checked")]);
      await app.advance(20_000);
    }
    const messages = await app.send();
    expect((await app.inspect()).problems).toEqual([DEAD_STREAM]);
    await deliverEffects(app.t, messages);
    await app.advance(10);
    expect((await app.inspect()).problems).toEqual([]);
  });

  test("is handed to forward by the heartbeat of an app without a log stream", async () => {
    const app = start({ transports: ["client"] });
    expect(await app.send()).toEqual([]);
    expect((await app.inspect()).problems).toEqual([expect.stringContaining("Still being checked")]);
    await app.advance(10);
    const { stream, problems } = await app.inspect();
    expect(stream).toBeNull();
    expect(problems).toEqual([]);
  });

  test("that starts no recompute is missed, in an app without a log stream, too", async () => {
    const app = start({ transports: ["client"] });
    await app.send();
    await app.t.run(async (ctx) => {
      for (const { _id } of await ctx.db.system.query("_scheduled_functions").collect())
        await ctx.scheduler.cancel(_id);
    });
    await app.advance(MINUTE);
    expect((await app.inspect()).problems).toEqual([expect.stringContaining("See the logs of dispatch and recompute")]);
  });
});

test("a heartbeat and its canary write two documents, and keep one", async () => {
  const app = start();
  for (let beats = 0; beats < 3; beats++) {
    await deliverEffects(app.t, await app.send());
    await app.advance(5 * MINUTE);
  }
  expect(await app.rows("lazyHealth")).toHaveLength(1);
  expect((await app.inspect()).problems).toEqual([]);
});

describe("what the route sees of a stream", () => {
  test("a signature of another secret is not noted: the canary is missed, and the secret is one cause", async () => {
    const app = start();
    await app.send();
    const before = await app.rows("lazyHealth");
    expect(await app.post([{ topic: "console", message: "x" }], "another stream's secret")).toBe(401);
    expect(await app.rows("lazyHealth")).toEqual(before);
    await app.advance(10 * MINUTE);
    expect((await app.inspect()).problems).toEqual([
      expect.stringContaining("signs with another secret than LAZY_VIEWS_STREAM_SECRET"),
    ]);
  });

  test("topics that loop are named", async () => {
    const app = start();
    const events = [{ topic: "console", message: "x" }, { topic: "function_execution" }, { topic: "audit_log" }];
    expect(await app.post(events)).toBe(200);
    expect((await app.inspect()).problems).toContainEqual(
      expect.stringContaining('other topics than "console" (audit_log, function_execution)'),
    );
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
