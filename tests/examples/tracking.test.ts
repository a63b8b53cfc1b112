import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../examples/convex/_generated/api.js";
import type { Id } from "../../examples/convex/_generated/dataModel.js";
import { docViews } from "../../examples/convex/tracking/docViews.js";
import { startExample } from "./startExample.js";

const MINUTE = 60_000;

let example: ReturnType<typeof startExample>;
let doc: Id<"docs">;
async function start() {
  example = startExample();
  doc = await example.t.mutation(api.tracking.docs.add, { title: "Plan", text: "First, …" });
}
beforeEach(start);
afterEach(() => {
  vi.useRealTimers();
});

/** A user opens the document. Returns the lines for the log stream. */
async function open(user: string, opened = doc) {
  const { t, views } = example;
  return await views.collect(() => t.query(api.tracking.docs.open, { user, doc: opened }));
}

/** About so many ms: scheduled functions run some milliseconds late. */
const soonAfter = (ms: number) => expect.closeTo(ms, -2);

/** The counted views of the document, after its row is fresh. */
async function stats(counted = doc) {
  const { t, views } = example;
  const read = await views.settle(() => t.query(api.tracking.docs.stats, { doc: counted }));
  expect(read.state).toBe("fresh");
  return read.value;
}

describe("a view of a document", () => {
  test("is counted by the query that reads it, with its time", async () => {
    const openedAt = Date.now();
    const { result, messages } = await open("ada");
    expect(result).toEqual({ title: "Plan", text: "First, …" });
    await example.deliver(messages);
    expect(await stats()).toEqual({ views: 1, viewers: 1, lastViewedAt: soonAfter(openedAt) });
  });

  test("is not counted where there is no document", async () => {
    await example.t.run(async (ctx) => await ctx.db.delete("docs", doc));
    const { result, effects } = await open("ada");
    expect(result).toBeNull();
    expect(effects).toEqual([]);
  });

  test("repeated inside the window writes 0 documents, also when Convex serves it from its cache", async () => {
    const { messages: fromCache } = await open("ada");
    await example.deliver(fromCache);
    await stats();
    const before = await example.documents();
    for (let read = 0; read < 3; read++) {
      await example.deliver((await open("ada")).messages);
      await example.deliver(fromCache);
    }
    expect(await example.documents()).toEqual(before);
    expect(await stats()).toMatchObject({ views: 1 });
  });

  test("after the window counts again, also when Convex serves it from its cache", async () => {
    const { messages: fromCache } = await open("ada");
    await example.deliver(fromCache);
    await example.views.advance(5 * MINUTE);
    await example.deliver(fromCache);
    expect(await stats()).toMatchObject({ views: 2, viewers: 1 });
    await example.views.advance(5 * MINUTE);
    await example.deliver((await open("ada")).messages);
    expect(await stats()).toMatchObject({ views: 3, viewers: 1 });
  });

  test("counts for each user and each document", async () => {
    const other = await example.t.mutation(api.tracking.docs.add, { title: "Notes", text: "…" });
    const opened = [await open("ada"), await open("bob"), await open("ada", other)];
    await example.deliver(opened.flatMap(({ messages }) => messages));
    expect(await stats()).toMatchObject({ views: 2, viewers: 2 });
    expect(await stats(other)).toMatchObject({ views: 1, viewers: 1 });
  });

  test("in an effect that is replayed hours later counts once more at most, however often", async () => {
    const { messages } = await open("ada");
    await example.deliver(messages);
    await example.views.advance(3 * 60 * MINUTE);
    // The ledger forgets the window before each replay.
    for (let replay = 0; replay < 4; replay++) {
      await example.deliver(messages);
      await example.forgetLedger();
    }
    expect(await stats()).toMatchObject({ views: 2 });
  });

  test("in an effect that is late counts when it arrives, and not again before the window is over", async () => {
    const late = await open("ada");
    await example.views.advance(60 * MINUTE);
    const arrivedAt = Date.now();
    await example.deliver(late.messages);
    await example.forgetLedger();
    await example.views.advance(4 * MINUTE);
    await example.deliver((await open("ada")).messages);
    expect(await stats()).toEqual({ views: 1, viewers: 1, lastViewedAt: soonAfter(arrivedAt) });
  });

  test("of a document that was deleted meanwhile leaves nothing behind", async () => {
    const { messages } = await open("ada");
    await example.t.run(async (ctx) => await ctx.db.delete("docs", doc));
    await example.deliver(messages);
    expect(await example.t.run(async (ctx) => await ctx.db.query("viewings").collect())).toEqual([]);
  });

  test("counts when an action reads the document", async () => {
    const { t, views } = example;
    const { result, messages } = await views.collect(() =>
      t.action(api.tracking.exports.markdown, { user: "ada", doc }),
    );
    expect(result).toBe("# Plan\n\nFirst, …\n");
    await example.deliver(messages);
    expect(await stats()).toMatchObject({ views: 1 });
  });
});

describe("the lists", () => {
  test("the most viewed come first, also documents whose count has never been read", async () => {
    const { t, views } = example;
    const other = await t.mutation(api.tracking.docs.add, { title: "Notes", text: "…" });
    // It has a row, since its count was read, but no views.
    const unread = await t.mutation(api.tracking.docs.add, { title: "Draft", text: "…" });
    expect(await stats(unread)).toMatchObject({ views: 0 });
    const opened = [await open("ada"), await open("ada", other), await open("bob", other)];
    await example.deliver(opened.flatMap(({ messages }) => messages));
    await views.advance(10_000);
    await views.expectState(docViews, { doc }, "fresh");
    expect(await t.query(api.tracking.docs.mostViewed)).toEqual([
      { doc: other, title: "Notes", views: 2, state: "fresh" },
      { doc, title: "Plan", views: 1, state: "fresh" },
    ]);
  });

  test("a row that is stale in the list is served, and recomputed", async () => {
    const { t, views } = example;
    await example.deliver((await open("ada")).messages);
    await views.advance(10_000);
    await t.run(async (ctx) => {
      const row = await ctx.db.query("docViews").first();
      if (row !== null) await ctx.db.patch("docViews", row._id, { dirtyAt: Date.now() });
    });
    const stale = await views.collect(() => t.query(api.tracking.docs.mostViewed));
    expect(stale.result).toMatchObject([{ views: 1, state: "stale" }]);
    await example.deliver(stale.messages);
    expect(await t.query(api.tracking.docs.mostViewed)).toMatchObject([{ state: "fresh" }]);
  });

  test("a user sees what they viewed last", async () => {
    const { t, views } = example;
    const other = await t.mutation(api.tracking.docs.add, { title: "Notes", text: "…" });
    await example.deliver((await open("ada")).messages);
    await views.advance(MINUTE);
    await example.deliver((await open("ada", other)).messages);
    await example.deliver((await open("bob")).messages);
    const listed = await t.query(api.tracking.docs.lastViewed, { user: "ada" });
    expect(listed.map(({ title }) => title)).toEqual(["Notes", "Plan"]);
    for (const { lastViewedAt, countsAgainAt } of listed) expect(countsAgainAt - lastViewedAt).toBe(5 * MINUTE);
    expect(await t.query(api.tracking.docs.list)).toEqual([
      { doc: other, title: "Notes" },
      { doc, title: "Plan" },
    ]);
  });
});

const step = fc.oneof(
  fc.record({ do: fc.constant("open" as const), user: fc.constantFrom("ada", "bob") }),
  // Any effect so far: on time, late, again, or from Convex's cache.
  fc.record({ do: fc.constant("deliver" as const), which: fc.nat() }),
  fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 7 * MINUTE }) }),
  fc.record({ do: fc.constant("forgetLedger" as const) }),
);

test("whatever comes late or twice, two views of a user are never counted inside one window", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await start();
      const raised: string[] = [];
      const counted = new Map<string, { views: number; lastViewedAt: number }>();
      for (const step of steps) {
        if (step.do === "open") raised.push(...(await open(step.user)).messages);
        else if (step.do === "deliver" && raised.length > 0) {
          await example.deliver([raised[step.which % raised.length] as string]);
        } else if (step.do === "advance") await example.views.advance(step.ms);
        else if (step.do === "forgetLedger") await example.forgetLedger();
        const viewings = await example.t.run(async (ctx) => await ctx.db.query("viewings").collect());
        for (const { user, views, lastViewedAt } of viewings) {
          const before = counted.get(user);
          if (before !== undefined && before.views !== views) {
            expect(views).toBe(before.views + 1);
            expect(lastViewedAt - before.lastViewedAt).toBeGreaterThanOrEqual(5 * MINUTE);
          }
          counted.set(user, { views, lastViewedAt });
        }
      }
      const views = [...counted.values()].reduce((sum, of) => sum + of.views, 0);
      expect(await stats()).toMatchObject({ views, viewers: counted.size });
    }),
    { numRuns: 60 },
  );
});
