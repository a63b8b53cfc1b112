import { type AnyView, defineView, type View, viewTable } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { endTestApp, startTestApp } from "../testApp.js";
import { add, type Key, tables, total } from "../totals.js";

afterEach(endTestApp);

const key = { list: "a" };
/** Each transformation of a value adds one `!`. */
const marked = z.object({ sum: z.number(), marks: z.string().transform((marks) => `${marks}!`) });
const rounded = z.object({ sum: z.number().transform(Math.round), marks: z.string() });

type Value = { sum: number; marks: string };

/** An app with a view whose value schema transforms. */
function start(value: z.ZodType, options: object) {
  const table = viewTable({ key: z.object({ list: z.string() }), value });
  const totals = defineView("totals", {
    table,
    sources: { items: ({ list }: Key) => [{ list }] },
    compute: async (ctx: never, args: Key) => ({ sum: (await total(ctx, args)).sum, marks: "" }),
    timeout: { minutes: 1 },
    onMissing: "null",
    ...options,
  } as never) as never as View<Key, Value, unknown>;
  const app = startTestApp({ tables: { ...tables, totals: table }, views: { totals: totals as AnyView } });
  return {
    ...app,
    totals,
    settle: () => app.readAndSettle((ctx) => totals.get(ctx, key)),
    peek: () => app.testing.peek(totals, key),
  };
}

const paged = {
  mode: "paged",
  page: async () => ({ page: [1], isDone: true, continueCursor: "" }),
  initial: () => 0,
  reduce: (sum: number, n: number) => sum + n,
  finish: (sum: number) => ({ sum, marks: "" }),
};
const modes = [
  { mode: "transaction" },
  { mode: "snapshot" },
  { mode: "action", compute: () => ({ sum: 1, marks: "" }) },
  paged,
];

test.each(modes)("a value is transformed once by its recompute: $mode", async (options) => {
  const app = start(marked, options);
  await app.settle();
  expect(await app.peek()).toMatchObject({ state: "fresh", value: { marks: "!" } });
});

test("a value is transformed once by refresh, and by a query that computes", async () => {
  const app = start(marked, { onMissing: "compute" });
  expect(await app.query((ctx) => app.totals.get(ctx, key))).toEqual({ sum: 0, marks: "!" });
  expect(await app.mutation((ctx) => app.totals.refresh(ctx, key))).toEqual({ sum: 0, marks: "!" });
  expect(await app.peek()).toMatchObject({ state: "fresh", value: { marks: "!" } });
});

describe("what applyChange makes of a stored value", () => {
  const applyChange = (value: Value, { after }: { after: { n: number } }) => ({ ...value, sum: value.sum + after.n });

  test("is computed anew where the schema would transform it again, and the console says why", async () => {
    const complaints = vi.spyOn(console, "error").mockReturnValue();
    const app = start(marked, { applyChange });
    await app.settle();
    await app.mutation(add("a", 2));
    expect(await app.peek()).toMatchObject({ state: "stale", value: { sum: 0, marks: "!" } });
    expect(complaints).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining("its schema transforms its own output again; transform the value in compute instead."),
    );
    await app.settle();
    expect(await app.peek()).toMatchObject({ state: "fresh", value: { sum: 2, marks: "!" } });
  });

  test("is stored where another transformation changes nothing", async () => {
    const complaints = vi.spyOn(console, "error");
    const app = start(rounded, { applyChange });
    await app.settle();
    await app.mutation(add("a", 1.6));
    expect(await app.peek()).toMatchObject({ state: "fresh", value: { sum: 2, marks: "" } });
    expect(complaints).not.toHaveBeenCalled();
  });
});
