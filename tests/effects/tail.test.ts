import { anyApi } from "convex/server";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EffectTarget } from "../../src/effects/effect.js";
import { endTestApp, noteTargets } from "../testApp.js";
import { add } from "../totals.js";
import { KEY, startTailApp } from "./tailApp.js";

let complaint: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  complaint = vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => {
  vi.unstubAllGlobals();
  endTestApp();
});

type App = ReturnType<typeof startTailApp>;
const hasEnded = (app: App) => async () =>
  (await app.tail()) && !(await app.tail())?.job && (await app.running()) === 0;

/** An app whose list has been read and added to, with its row fresh, and no tail running. */
async function settled(app: App) {
  await app.add();
  await app.read();
  await app.until(async () => (await app.read()).state === "fresh");
  await app.until(hasEnded(app));
}

describe("a tail", () => {
  test("starts when a row becomes stale, and has it recomputed", async () => {
    const app = startTailApp();
    await settled(app);
    const before = (await app.tail())?.number;
    await app.add();
    expect(await app.read()).toMatchObject({ state: "stale", value: { count: 1 } });
    await app.until(async () => (await app.read()).state === "fresh");
    expect(await app.read()).toMatchObject({ value: { count: 2 } });
    expect((await app.tail())?.number).toBe(Number(before) + 1);
    expect(app.log.polls.every(({ authorization }) => authorization === `Convex ${KEY}`)).toBe(true);
  });

  test("reads on from where the last one stopped, so effects of reads in between are not lost", async () => {
    const app = startTailApp();
    await settled(app);
    const { readUntil } = (await app.inspect()).tail ?? {};
    const polls = app.log.polls.length;
    // No write comes before this read, so no tail runs.
    await app.read("b");
    expect(await app.running()).toBe(0);
    await app.add();
    await app.until(async () => (await app.read("b")).state === "fresh");
    expect(app.log.polls[polls]?.cursor).toBe(readUntil);
  });

  test("is not asked about, nor needed as an export, on a deployment without a key for its log", async () => {
    const app = startTailApp({ forgotten: ["tail"], transports: ["logStream", "logTail"] });
    vi.stubEnv("LAZY_VIEWS_LOG_KEY", undefined);
    vi.stubEnv("LAZY_VIEWS_STREAM_SECRET", "the stream's own secret");
    await app.add();
    await app.read();
    expect(await app.jobs()).toEqual([]);
    expect((await app.inspect()).tail).toBeNull();
    expect((await app.problems()).join()).not.toContain("tail");
  });

  test("that is not exported is named where the deployment has a key", async () => {
    const app = startTailApp({ forgotten: ["tail"] });
    const line = "convex/lazy.ts must have export const { tail } = lazy.functions();";
    expect(await app.problems()).toContain(line);
    await app.read();
    expect(complaint.mock.calls.flat()).toContain(`convex-lazy-views: ${line}`);
  });

  test("starts at most every five minutes by writes that make no row stale", async () => {
    const app = startTailApp();
    await app.add();
    await app.until(hasEnded(app));
    expect(await app.tail()).toMatchObject({ number: 1 });
    await app.add();
    expect((await app.jobs()).filter(({ state }) => state.kind === "pending")).toEqual([]);
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    await app.add();
    await app.until(async () => (await app.tail())?.number === 2);
  });

  test("is started by a call without arguments, as a cron makes it, and only once", async () => {
    const app = startTailApp();
    await app.read();
    await app.callTail();
    await app.callTail();
    await app.until(async () => (await app.read()).state === "fresh");
    expect(await app.tail()).toMatchObject({ number: 1 });
  });

  test("starts also by a mutation that has no room left to ask whether one reads", async () => {
    const app = startTailApp({ limits: {} });
    await settled(app);
    const before = Number((await app.tail())?.number);
    await app.mutation(async (ctx) => {
      await add("a", 1)(ctx);
      for (;;) {
        const { databaseQueries } = await ctx.meta.getTransactionMetrics();
        if (databaseQueries.remaining < 1) break;
        await ctx.db.query("items").first();
      }
    });
    expect(complaint).not.toHaveBeenCalled();
    await app.until(async () => (await app.read()).state === "fresh");
    expect((await app.tail())?.number).toBe(before + 1);
  });

  test("is started by the heartbeat, and carries its canary", async () => {
    const app = startTailApp();
    await app.heartbeat();
    await app.until(async () => (await app.problems()).length === 0);
    expect((await app.inspect()).tail).toMatchObject({ runningSince: expect.any(Number), problem: null });
  });

  test("that has died is replaced by the next change", async () => {
    const app = startTailApp();
    await settled(app);
    // As after a restart of the deployment: the job has failed, and the tail has not reported its end.
    await app.t.run(async (ctx) => {
      const tail = await ctx.db.query("lazyTail" as never).first();
      const [job] = await ctx.db.system.query("_scheduled_functions").collect();
      await ctx.db.patch((tail as { _id: never })._id, { job: job?._id } as never);
    });
    await app.add();
    await app.until(async () => (await app.read()).state === "fresh");
  });

  test("two at once have an effect dispatched once", async () => {
    const app = startTailApp({ modules: { notes: noteTargets() } });
    await app.callTail();
    await app.until(async () => (await app.running()) === 1);
    const { number, cursor } = (await app.tail()) as { number: number; cursor: number };
    const other = app.callTail({ job: { kind: "read", number: number - 1, cursor } });
    const { messages } = await app.collect((ctx) =>
      ctx.scheduleEffect(anyApi.notes?.note as EffectTarget, { text: "x" }),
    );
    app.log.write(...messages.map((message) => `[DEBUG] ${message}`));
    await app.until(hasEnded(app));
    let isOver = false;
    void other.then(() => {
      isOver = true;
    });
    await app.until(async () => isOver);
    expect((await app.rows("notes")).length).toBe(1);
  });

  test("hands over before the time of an action is over", async () => {
    const app = startTailApp();
    await settled(app);
    await app.add();
    const first = Number((await app.tail())?.number) + 1;
    // Another list is read every two seconds, so there are always new effects.
    let list = 0;
    await app.until(async () => {
      if (list++ % 8 === 0) await app.read(`list ${list}`);
      return Number((await app.tail())?.number) > first;
    });
    await app.read("last");
    await app.until(async () => (await app.read("last")).state === "fresh");
    expect(await app.tail()).toMatchObject({ number: first + 1 });
  }, 120_000);
});

describe("lines of the log", () => {
  test("count when they are one seal of the app, logged by console.debug", async () => {
    const app = startTailApp();
    await settled(app);
    const { messages } = await app.collect((ctx) => app.totals.get(ctx, { list: "b" }));
    const seal = messages[0]?.slice(1, -1);
    await app.callTail();
    const lines = [
      `[LOG] '${seal}'`,
      `[DEBUG] 'see ${seal}'`,
      `[DEBUG] '${seal}x'`,
      "[DEBUG] 'lazy-views:2:aaaa'",
      "x",
    ];
    app.log.write(...lines);
    await app.until(hasEnded(app));
    expect(await app.rows("totals")).toHaveLength(1);
    await app.callTail();
    app.log.write(`[DEBUG] '${seal}'`);
    await app.until(async () => (await app.rows("totals")).length === 2);
  });

  test("are reported as dropped when more came between two polls than the log keeps", async () => {
    const app = startTailApp();
    await app.heartbeat();
    await app.until(async () => (await app.problems()).length === 0);
    for (let i = 0; i < 1_000; i++) app.log.write("[LOG] 'x'");
    await app.until(async () => (await app.problems()).length > 0);
    expect(await app.problems()).toEqual([
      expect.stringMatching(
        /^The function log forgot entries: 1\d{3} executions came between two polls, and it keeps 1000/,
      ),
    ]);
    expect((await app.inspect()).tail).toMatchObject({
      mostEntries: expect.any(Number),
      wrappedAt: expect.any(Number),
    });
  });
});

describe("a log that cannot be read", () => {
  test.each([
    [401, "LAZY_VIEWS_LOG_KEY is not a key of this deployment."],
    [403, "LAZY_VIEWS_LOG_KEY is not a key of this deployment that may view logs."],
    [404, "This deployment has no function log to read"],
  ])("with %i is named with the remedy, and is tried again after a while only", async (status, remedy) => {
    const app = startTailApp();
    app.log.answer = () => new Response('{"code":"x"}', { status });
    await app.add();
    await app.until(async () => (await app.inspect()).tail?.problem);
    const problem = expect.stringMatching(
      new RegExp(
        `^The function log could not be read: \\S+ answers ${status}: .*${remedy}.*npx convex-lazy-views connect`,
      ),
    );
    expect(await app.problems()).toContainEqual(problem);
    const polls = app.log.polls.length;
    expect((await app.jobs()).filter(({ state }) => state.kind === "pending")).toEqual([]);
    await app.add();
    expect((await app.jobs()).filter(({ state }) => state.kind === "pending")).toEqual([]);
    expect(app.log.polls).toHaveLength(polls);
    // The heartbeat does not wait for the backoff, so that an operator sees at once that a repair works.
    app.log.answer = undefined;
    await app.heartbeat();
    await app.until(async () => (await app.problems()).length === 0);
  });

  test.each([
    ["JSON of another form", () => Response.json({ logs: [] })],
    ["no JSON", () => new Response("<html>")],
    ["no cursor", () => Response.json({ entries: [] })],
  ])("because it answers %s is named", async (_, answer) => {
    const app = startTailApp();
    app.log.answer = answer;
    await app.add();
    await app.until(async () => (await app.inspect()).tail?.problem);
    expect((await app.inspect()).tail?.problem).toContain("answers an unknown format: ");
  });

  test("for a while, with 500 or without an answer, is read again after a backoff, from the same place", async () => {
    const app = startTailApp();
    await app.add();
    await app.read();
    const answers = [
      () => new Response("busy", { status: 500 }),
      () => {
        throw new TypeError("fetch failed");
      },
    ];
    app.log.answer = () => {
      const answer = answers.shift();
      if (answers.length === 0) app.log.answer = undefined;
      return (answer as () => Response)();
    };
    await app.until(async () => (await app.read()).state === "fresh");
    expect((await app.inspect()).tail).toMatchObject({ problem: null });
    expect(app.log.polls[1]?.cursor).toBe(app.log.polls[0]?.cursor);
  });
});
