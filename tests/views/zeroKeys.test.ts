import { defineTable, type GenericDataModel, type GenericQueryCtx } from "convex/server";
import { type Infer, v } from "convex/values";
import { defineView, type Row, viewTable } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { endTestApp, startTestApp } from "../testApp.js";

afterEach(endTestApp);

/** A place on a grid, with numbers at every depth. */
const place = v.object({ x: v.number(), at: v.object({ y: v.number() }), path: v.array(v.number()) });
type Place = Infer<typeof place>;
const placesTable = viewTable({ key: place.fields, value: { marks: v.number(), seen: v.any() } });
const tables = { marks: defineTable({ place }), places: placesTable };

/** The key with the sign of each zero flipped. */
const flipped = ({ x, at, path }: Place): Place => {
  const flip = (n: number) => (n === 0 ? -n : n);
  return { x: flip(x), at: { y: flip(at.y) }, path: path.map(flip) };
};
const hasNegativeZero = (value: unknown): boolean =>
  typeof value === "object" && value !== null ? Object.values(value).some(hasNegativeZero) : Object.is(value, -0);

const ZERO: Place = { x: 0, at: { y: 0 }, path: [1, 0] };
const NEGATIVE: Place = { x: -0, at: { y: -0 }, path: [1, -0] };
const MIXED: Place = { x: -0, at: { y: 0 }, path: [1, -0] };

function start() {
  const computed: Place[] = [];
  const tagged: Place[] = [];
  const places = defineView("places", {
    table: placesTable,
    sources: { marks: (mark: { place: Place }) => [mark.place] },
    tags: (key) => {
      tagged.push(key);
      return [`x ${1 / key.x}`];
    },
    onMissing: "null",
    compute: async (ctx: GenericQueryCtx<GenericDataModel>, key) => {
      computed.push(key);
      const all = (await ctx.db.query("marks").collect()) as unknown as { place: Place }[];
      const same = all.filter((mark) => JSON.stringify(mark.place) === JSON.stringify(key));
      return { marks: same.length, seen: -0 };
    },
  });
  const app = startTestApp({ tables, views: { places } });
  const mark = (key: Place) => app.mutation(async (ctx) => void (await ctx.db.insert("marks", { place: key })));
  return { ...app, places, computed, tagged, mark };
}

describe("-0 in a key is 0", () => {
  test.each([ZERO, NEGATIVE, MIXED])("for readers, and for compute: %o", async (key) => {
    const app = start();
    const { effects } = await app.collect((ctx) => app.places.getMany(ctx, [key, flipped(key), ZERO]));
    expect(effects.map(({ args }) => args.args)).toStrictEqual([ZERO]);
    await app.settle((ctx) => app.places.get(ctx, key));
    expect(app.computed).toStrictEqual([ZERO]);
    expect(app.tagged.every((each) => Object.is(each.x, 0))).toBe(true);
    const rows = await app.rows("places");
    expect(rows).toHaveLength(1);
    expect(rows[0]?.args).toStrictEqual(ZERO);
    for (const other of [ZERO, NEGATIVE, MIXED]) {
      await app.testing.expectState(app.places, other, "fresh");
      const [read] = (await app.collect((ctx) => app.places.getMany(ctx, [other]))).result;
      // Values keep -0.
      expect(read).toStrictEqual({ marks: 0, seen: -0 });
    }
  });

  test.each([ZERO, NEGATIVE, MIXED])("for sources: %o", async (key) => {
    const app = start();
    await app.settle((ctx) => app.places.get(ctx, flipped(key)));
    await app.mark(key);
    await app.testing.expectState(app.places, ZERO, "stale");
    expect(await app.settle((ctx) => app.places.get(ctx, key))).toMatchObject({ marks: 1 });
    expect(await app.rows("places")).toHaveLength(1);
  });

  test("for refresh, invalidate, evict and readRows", async () => {
    const app = start();
    await app.mutation(async (ctx) => {
      await app.places.refresh(ctx, NEGATIVE);
      await app.places.refresh(ctx, ZERO);
      await Promise.all([app.places.refresh(ctx, MIXED), app.places.refresh(ctx, ZERO)]);
    });
    const rows = (await app.rows("places")) as unknown as Row<Place, never>[];
    expect(rows.map(({ args }) => args)).toStrictEqual([ZERO]);
    expect(app.computed.some(hasNegativeZero)).toBe(false);
    await app.mutation((ctx) => app.places.invalidate(ctx, MIXED));
    await app.testing.expectState(app.places, NEGATIVE, "stale");
    const { effects } = await app.collect((ctx) => app.places.readRows(ctx, rows));
    expect(effects).toEqual([]);
    expect(await app.mutation((ctx) => app.places.evict(ctx, MIXED))).toBe(true);
    expect(await app.rows("places")).toEqual([]);
  });

  test("for warm, and for a document that moves between the two", async () => {
    const app = start();
    await app.mutation((ctx) => app.lazy.warm(ctx, app.places as never, [NEGATIVE, ZERO, MIXED] as never));
    await app.advance(10_000);
    expect(app.computed).toStrictEqual([ZERO]);
    const written = await app.mutation(async (ctx) => {
      const id = await ctx.db.insert("marks", { place: ZERO });
      await ctx.db.patch(id, { place: NEGATIVE });
      return (await ctx.meta.getTransactionMetrics()).documentsWritten.used;
    });
    // Two writes of the document, and the mark of the one row.
    expect(written).toBe(3);
  });

  test("of a zod schema too", async () => {
    const table = viewTable({ key: z.object({ x: z.number() }), value: z.object({ n: z.number() }) });
    const view = defineView("codes", { table, compute: (_, { x }) => ({ n: Math.sign(1 / x) }) });
    const app = startTestApp({ tables: { codes: table }, views: { view } });
    expect(await app.mutation((ctx) => view.refresh(ctx, { x: -0 }))).toEqual({ n: 1 });
    expect(await app.query((ctx) => view.get(ctx, { x: 0 }))).toEqual({ n: 1 });
  });

  test("but a text that looks like one is a text", async () => {
    const table = viewTable({ key: { text: v.string(), x: v.number() }, value: { text: v.string() } });
    const view = defineView("texts", { table, compute: (_, { text }) => ({ text }) });
    const app = startTestApp({ tables: { texts: table }, views: { view } });
    for (const text of ['{"$float":"-0"}', '\\{"$float":"-0"}', "-0", "0"]) {
      for (const x of [0, -0]) {
        expect(await app.mutation((ctx) => view.refresh(ctx, { text, x }))).toEqual({ text });
      }
    }
    expect(await app.rows("texts")).toHaveLength(4);
  });

  test("whatever the key: one that is equal as a number shares its row, and no other", async () => {
    const number = fc.constantFrom(0, -0, 1, -1, Number.NaN, 5e-324, -5e-324);
    const key = fc.record({ x: number, at: fc.record({ y: number }), path: fc.array(number) });
    const areSame = (one: unknown, other: unknown): boolean => {
      if (typeof one !== "object" || one === null) return one === other || Object.is(one, other);
      const [mine, theirs] = [Object.entries(one), Object.entries(other as object)];
      return (
        mine.length === theirs.length &&
        mine.every(([name, each]) => areSame(each, (other as Record<string, unknown>)[name]))
      );
    };
    await fc.assert(
      fc.asyncProperty(key, key, async (one, other) => {
        const app = start();
        await app.mutation(async (ctx) => {
          for (const each of [one, flipped(one), other]) await app.places.refresh(ctx, each);
        });
        expect(await app.rows("places")).toHaveLength(areSame(one, other) ? 1 : 2);
        expect(app.computed.some(hasNegativeZero)).toBe(false);
        endTestApp();
      }),
      { numRuns: 50 },
    );
  });
});
