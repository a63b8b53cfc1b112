import { afterEach, describe, expect, test } from "vitest";
import { putClockBack } from "./putClockBack.js";
import { endTestApp } from "./testApp.js";
import { add, startTotals, total } from "./totals.js";

afterEach(endTestApp);

const key = { list: "a" };

/** An app whose row is fresh; then the clock is put back. */
async function startAndPutBack() {
  const app = startTotals();
  await app.settle((ctx) => app.totals.get(ctx, key));
  await putClockBack(app.t);
  return { ...app, write: () => app.mutation(add("a", 1)) };
}

describe("a clock that is put back by a day", () => {
  test("holds no window open: the next stale read is recomputed", async () => {
    const app = await startAndPutBack();
    await app.write();
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 1, sum: 1 });
  });

  test("leaves no mark that is never set again", async () => {
    const app = startTotals();
    await app.settle((ctx) => app.totals.get(ctx, key));
    await app.mutation(add("a", 1));
    await putClockBack(app.t);
    await app.mutation(add("a", 1));
    const [row] = await app.rows("totals");
    expect(Math.abs(Number(row?.nudgedAt) - Date.now())).toBeLessThan(1_000);
  });

  test("lets nothing rest that has failed for longer than its backoff", async () => {
    let isBroken = true;
    const app = startTotals({
      compute: async (ctx, wanted) => {
        if (isBroken) throw new Error("broken");
        return await total(ctx, wanted);
      },
    });
    await app.readAndSettle((ctx) => app.totals.get(ctx, key));
    await putClockBack(app.t);
    isBroken = false;
    expect(await app.settle((ctx) => app.totals.get(ctx, key))).toEqual({ count: 0, sum: 0 });
  });
});
