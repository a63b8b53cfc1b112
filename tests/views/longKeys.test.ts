import { v } from "convex/values";
import { defineView, viewTable } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";

afterEach(endTestApp);

function start(onMissing: "null" | "compute") {
  const table = viewTable({ key: { text: v.string(), n: v.optional(v.int64()) }, value: { length: v.number() } });
  const lengths = defineView("lengths", {
    table,
    onMissing,
    tags: ({ text }) => [text.slice(0, 3)],
    compute: (_, { text }) => ({ length: text.length }),
  });
  return { ...startTestApp({ tables: { lengths: table }, views: { lengths } }), lengths };
}

/** Makes the text of a key that has so many bytes as JSON. */
const textOf = (bytes: number) => "x".repeat(bytes - '{"text":""}'.length);
const LONGEST = { text: textOf(2_500) };
const LONG = { text: textOf(2_501) };

describe("a key of more than 2,500 bytes", () => {
  const message = /^view "lengths": the key \{"text":"x{91}… has more than 2500 bytes; use an id or a hash\.$/;

  test("is refused by what writes", async () => {
    const app = start("null");
    for (const method of ["invalidate", "refresh", "evict"] as const) {
      await expect(app.mutation((ctx) => app.lengths[method](ctx, LONG))).rejects.toThrow(message);
      await app.mutation((ctx) => app.lengths[method](ctx, LONGEST));
    }
  });

  test.each(["null", "compute"] as const)("is read as missing, and remembered as a failure: %s", async (onMissing) => {
    const app = start(onMissing);
    const complaint = vi.spyOn(console, "error");
    const read = await app.readAndSettle((ctx) => app.lengths.read(ctx, LONG));
    const value = onMissing === "null" ? null : { length: LONG.text.length };
    expect(read).toMatchObject({ state: "missing", value });
    expect(complaint).not.toHaveBeenCalled();
    const { failures } = (await app.inspect()).views.lengths ?? {};
    expect(failures).toMatchObject([{ message: expect.stringMatching(message), attempts: 1 }]);
    expect(await app.rows("lengths")).toEqual([]);
    const waiting = (await app.jobs()).filter(({ state }) => state.kind === "pending");
    expect(waiting.filter(({ name }) => name.includes("recompute"))).toEqual([]);
  });

  test("in a mutation as well", async () => {
    const app = start("null");
    expect(await app.mutation((ctx) => app.lengths.get(ctx, LONG))).toBeNull();
    await app.advance(60_000);
    expect((await app.inspect()).views.lengths?.failures).toHaveLength(1);
  });

  test("any other key is recomputed, and one that is too long is remembered, whatever its characters", async () => {
    const text = fc.string({ unit: "binary", minLength: 600, maxLength: 2_600 });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(text, text.map(escaped)),
        fc.option(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
        async (text, n) => {
          const app = start("null");
          const complaint = vi.spyOn(console, "error");
          const key = n === null ? { text } : { text, n };
          await app.readAndSettle((ctx) => app.lengths.get(ctx, key));
          const { rows, failures } = (await app.inspect()).views.lengths ?? {};
          expect((rows ?? 0) + (failures?.length ?? 0)).toBe(1);
          expect(complaint).not.toHaveBeenCalled();
          endTestApp();
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** Characters that take several bytes as JSON. */
function escaped(text: string): string {
  return text.replaceAll(/[a-m]/g, "\u0001").replaceAll(/[n-z]/g, '"');
}
