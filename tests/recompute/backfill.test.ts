import { afterEach, describe, expect, test } from "vitest";
import { endTestApp } from "../testApp.js";
import { add, startTotals, type TotalsOptions } from "../totals.js";

afterEach(endTestApp);

/** An app with one item in each of so many lists, and what a backfill of it says. */
async function start(lists: number, options: TotalsOptions = {}) {
  const app = startTotals(options);
  await app.t.run(async (ctx) => {
    for (let i = 0; i < lists; i++) await ctx.db.insert("items", { list: String(i), n: 1 });
  });
  const { lazy, totals } = app;
  return {
    ...app,
    warm: (keys: { list: string }[]) => app.mutation((ctx) => lazy.warm(ctx, totals, keys)),
    backfill: () => app.mutation((ctx) => lazy.backfill(ctx as never, totals, "items")),
    progress: () => app.query((ctx) => lazy.backfillProgress(ctx as never, totals, "items")),
    jobs: async () => (await app.jobs()).filter(({ name }) => name === "lazy:recompute").length,
  };
}

describe("warm", () => {
  test("has rows recomputed that are not fresh, and no others", async () => {
    const app = await start(3);
    await app.mutation((ctx) => app.totals.refresh(ctx, { list: "0" }));
    await app.warm([{ list: "0" }, { list: "1" }, { list: "2" }, { list: "1" }]);
    expect(await app.jobs()).toBe(2);
    await app.advance(1_000);
    for (const list of ["0", "1", "2"])
      await app.testing.expectState(app.totals, { list }, "fresh");
  });

  test("works in a query too", async () => {
    const app = await start(1);
    const { effects } = await app.collect((ctx) => app.lazy.warm(ctx, app.totals, [{ list: "0" }]));
    expect(effects).toMatchObject([{ target: "lazy:recompute", seq: 0 }]);
  });

  test("501 keys are refused, with the remedy", async () => {
    const app = await start(0);
    const keys = Array.from({ length: 501 }, (_, i) => ({ list: String(i) }));
    await expect(app.warm(keys)).rejects.toThrow("warm was given 501 keys; give at most 500");
    await expect(app.warm([{ lost: "0" } as never])).rejects.toThrow('view "totals": key.list');
  });
});

describe("backfill", () => {
  test("goes through the whole source, and tells how far it has come", async () => {
    const app = await start(250);
    expect(await app.progress()).toBeNull();
    await app.backfill();
    expect(await app.progress()).toMatchObject({ documents: 0, rows: 0 });
    await app.advance(1_000);
    expect(await app.progress()).toMatchObject({
      documents: 250,
      rows: 250,
      endedAt: expect.any(Number),
    });
    const rows = await app.rows("totals");
    expect(rows).toHaveLength(250);
    expect(rows.every(({ value }) => (value as { count: number }).count === 1)).toBe(true);
  });

  test("asks for no row that is fresh, and begins anew after its end", async () => {
    const app = await start(5);
    await app.backfill();
    await app.advance(20_000);
    await app.mutation(add("3", 1));
    await app.backfill();
    await app.advance(1_000);
    expect(await app.progress()).toMatchObject({ documents: 6, rows: 1 });
    await app.testing.expectState(app.totals, { list: "3" }, "fresh");
  });

  test("goes on where it has stopped", async () => {
    const app = await start(10);
    await app.t.run(async (ctx) => {
      const { continueCursor } = await ctx.db
        .query("items")
        .paginate({ cursor: null, numItems: 7 });
      await ctx.db.insert("lazyBackfills", {
        ...{ view: "totals", source: "items", cursor: continueCursor, numItems: 2 },
        ...{ documents: 7, rows: 7, failed: 0, startedAt: 1 },
      });
    });
    await app.backfill();
    await app.advance(1_000);
    expect(await app.progress()).toMatchObject({ documents: 10, rows: 10, startedAt: 1 });
    expect(await app.rows("totals")).toHaveLength(3);
  });

  test("passes over a document whose keys cannot be told, and says so", async () => {
    const app = await start(5, {
      sources: {
        items: ({ list }: { list: string }) => {
          if (list === "2") throw new Error("no idea");
          return list === "3" ? [{ lost: list }] : [{ list }];
        },
      },
    });
    await app.backfill();
    await app.advance(1_000);
    expect(await app.progress()).toMatchObject({
      documents: 5,
      rows: 3,
      failed: 2,
      error: expect.stringMatching(
        /items: view "totals": key\.list: expected string, got undefined/,
      ),
      endedAt: expect.any(Number),
    });
  });

  test("takes smaller steps where a document has many keys, and passes over one that has too many", async () => {
    const app = await start(4, {
      sources: {
        items: ({ list }: { list: string }) =>
          Array.from({ length: list === "2" ? 500 : 90 }, (_, i) => ({ list: `${list} ${i}` })),
      },
    });
    await app.backfill();
    await app.advance(1_000);
    expect(await app.progress()).toMatchObject({
      documents: 4,
      failed: 1,
      error: expect.stringContaining("it has more than 400 keys"),
      endedAt: expect.any(Number),
    });
    expect((await app.rows("totals")).length).toBeGreaterThanOrEqual(3 * 90);
  });

  test("from a table that is no source is refused", async () => {
    const app = await start(0);
    const call = app.mutation((ctx) =>
      app.lazy.backfill(ctx as never, app.totals, "notes" as never),
    );
    await expect(call).rejects.toThrow(
      'backfill: "notes" is no source of the view "totals" (items)',
    );
  });
});
