import { anyApi } from "convex/server";
import { when } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CACHED, consoleEvent, postBody } from "../logEvents.js";
import { sealedText } from "../nodeSeals.js";
import { endTestApp, noteTargets } from "../testApp.js";
import { add, type Key, startTotals, type Totals } from "../totals.js";

const MINUTE = 60_000;
const OLD = 16 * MINUTE;

let app: ReturnType<typeof startTotals>;
afterEach(endTestApp);

const start = async () => {
  app = startTotals({ onMissing: "null" }, { modules: { targets: noteTargets() } });
  // The row of "fresh" is fresh, and that of "stale" is not.
  for (const list of ["fresh", "stale"]) {
    await app.mutation(add(list, 1));
    await app.settle((ctx) => app.totals.get(ctx, { list }));
  }
  await app.mutation(add("stale", 2));
  await app.advance(10 * MINUTE);
};
const postEvents = (...events: object[]) => postBody(app, JSON.stringify(events));
const rowOf = async (list: string) =>
  (await app.rows("totals")).find(({ args }) => (args as { list: string }).list === list);
const patchRow = async (list: string, change: object) => {
  const row = await rowOf(list);
  await app.t.run(async (ctx) => await ctx.db.patch(row?._id as never, change as never));
};
const stored = async () =>
  JSON.stringify(
    await Promise.all(["totals", "lazyEffects", "lazySweeps", "lazyHealth", "notes"].map((table) => app.rows(table))),
    (_, value) => (typeof value === "bigint" ? String(value) : value),
  );

/** The line of a reader who saw the current row of a list, or the line of an effect that is no recompute. */
async function lineOf(list: string): Promise<string> {
  const seen = (await rowOf(list))?.asOf ?? 0n;
  const recompute = { f: "lazy:recompute", a: { view: "totals", args: { list } }, w: 10_000, s: String(seen) };
  const note = { f: "targets:note", a: { text: "seen" }, w: 10_000 };
  const effect = list === "note" ? note : recompute;
  return `'${sealedText(JSON.stringify([effect]), process.env.LAZY_VIEWS_SECRET ?? "")}'`;
}
const aged = async (list: string, age: number, more: object = {}) =>
  consoleEvent(await lineOf(list), { timestamp: Date.now() - age, ...more });

const REFUSED = { status: 400, error: "Every event is too old." };

describe("a body with a recent event", () => {
  beforeEach(start);

  test("counts as a whole: also lines of cached results, and others that are old", async () => {
    const events = [
      await aged("stale", 60 * MINUTE, CACHED),
      await aged("missing", 60 * MINUTE, CACHED),
      await aged("note", OLD),
      consoleEvent("'a line of the app'"),
    ];
    expect(await postEvents(...events)).toMatchObject({ status: 200, effects: 3, dispatched: 3 });
    await app.advance(MINUTE);
    expect(await rowOf("stale")).toMatchObject({ value: { count: 2, sum: 3 } });
    expect(await rowOf("missing")).toBeDefined();
    expect(await app.rows("notes")).toHaveLength(1);
  });
});

describe("a body of old events alone", () => {
  beforeEach(start);

  test("starts the recompute of a cached line whose row wants it", async () => {
    const others = [await aged("note", OLD, CACHED), await aged("missing", OLD, CACHED), await aged("stale", OLD)];
    expect(await postEvents(...others)).toEqual(REFUSED);
    const wanted = await aged("stale", 24 * 60 * MINUTE, CACHED);
    expect(await postEvents(wanted, ...others)).toMatchObject({ status: 200, dispatched: 1, superseded: 0 });
    await app.advance(MINUTE);
    expect(await rowOf("stale")).toMatchObject({ value: { count: 2, sum: 3 } });
    expect(await app.rows("notes")).toEqual([]);
    expect(await rowOf("missing")).toBeUndefined();
    // The row was committed since.
    const before = await stored();
    expect(await postEvents(wanted)).toEqual(REFUSED);
    expect(await stored()).toBe(before);
  });

  test.each<[string, () => Promise<object>]>([
    ["its row is fresh", () => aged("fresh", OLD, CACHED)],
    ["there is no row", () => aged("missing", OLD, CACHED)],
    ["it is no recompute", () => aged("note", OLD, CACHED)],
    ["its line was not cached", () => aged("stale", OLD)],
    ["its line has no time", () => aged("stale", 0, { timestamp: undefined })],
    ["its line is of a time to come", () => aged("stale", -6 * MINUTE)],
    [
      "a recompute of its row is announced",
      async () => {
        const event = await aged("stale", OLD, CACHED);
        await patchRow("stale", { pendingUntil: Date.now() + MINUTE });
        return event;
      },
    ],
    [
      "its row is another one",
      async () => {
        const event = await aged("stale", OLD, CACHED);
        await patchRow("stale", { asOf: ((await rowOf("stale"))?.asOf as bigint) + 1n });
        return event;
      },
    ],
    [
      "its row was deleted",
      async () => {
        const event = await aged("stale", OLD, CACHED);
        await app.mutation((ctx) => app.totals.evict(ctx, { list: "stale" }));
        return event;
      },
    ],
    ["its topic loops", () => aged("stale", OLD, { ...CACHED, topic: "function_execution" })],
    ["its message is none of ours", async () => consoleEvent("'hello'", { timestamp: Date.now() - OLD, ...CACHED })],
  ])("starts nothing, writes nothing, and gets a 400 when %s", async (_, make) => {
    const event = await make();
    const before = await stored();
    const jobs = (await app.jobs()).length;
    expect(await postEvents(event)).toEqual(REFUSED);
    expect(await stored()).toBe(before);
    expect(await app.jobs()).toHaveLength(jobs);
  });

  test("is refused again and again, when it was captured on its way and is posted later", async () => {
    const { messages } = await app.collect(async (ctx) => {
      await app.totals.get(ctx, { list: "stale" });
      await app.totals.get(ctx, { list: "missing" });
      ctx.scheduleEffect(anyApi.targets?.note as never, { text: "seen" } as never);
    });
    const body = JSON.stringify(messages.flatMap((message) => [consoleEvent(message), consoleEvent(message, CACHED)]));
    expect(await postBody(app, body)).toMatchObject({ status: 200, dispatched: 3 });
    await app.advance(OLD);
    const before = await stored();
    for (let day = 0; day < 3; day++) {
      expect(await postBody(app, body)).toEqual(REFUSED);
      expect(await stored()).toBe(before);
      vi.advanceTimersByTime(7 * MINUTE);
    }
  });

  test("writes no line when the predicate of its row throws: the row counts as stale", async () => {
    let isBroken = false;
    const broken = when<Key, Totals>(() => {
      if (isBroken) throw new Error("broken");
      return false;
    });
    app = startTotals({ onMissing: "null", staleWhen: broken });
    await app.readAndSettle((ctx) => app.totals.get(ctx, { list: "stale" }));
    isBroken = true;
    expect(await postEvents(await aged("stale", OLD, CACHED))).toMatchObject({ status: 200, dispatched: 1 });
  });
});

test("for any times: a recent event vouches for all, else only what a row wants counts", async () => {
  const lists = ["fresh", "stale", "missing", "note"] as const;
  const event = fc.record({
    list: fc.constantFrom(...lists),
    isCached: fc.boolean(),
    age: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 15 * MINUTE - 2, max: 10 * OLD }) },
      fc.integer({ min: -6 * MINUTE, max: OLD }),
      fc.constantFrom(-5 * MINUTE - 1, -5 * MINUTE, 15 * MINUTE, 15 * MINUTE + 1),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 5 }), async (events) => {
      await start();
      const posted = await Promise.all(
        events.map(({ list, isCached, age }) => aged(list, age, isCached ? CACHED : {})),
      );
      const isRecent = events.some(({ age }) => age <= 15 * MINUTE && age >= -5 * MINUTE);
      const counted = events.filter(({ list, isCached }) => isRecent || (isCached && list === "stale"));
      const expected = new Set(counted.map(({ list }) => list)).size;
      const before = await stored();
      const answer = await postEvents(...posted);
      if (expected === 0) {
        expect(answer).toEqual(REFUSED);
        expect(await stored()).toBe(before);
      } else expect(answer).toMatchObject({ status: 200, dispatched: expected });
      endTestApp();
    }),
    { numRuns: 60 },
  );
});
