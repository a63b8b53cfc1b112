import { fromAggregate } from "convex-lazy-views/aggregate";
import fc from "fast-check";
import { expect, test } from "vitest";

/** An aggregate over sorted keys, with what a measure calls: the count, and the item at a place from either end. */
function over(keys: number[]) {
  const at = (offset: number) => ({ key: keys.at(offset) });
  return {
    count: async () => keys.length,
    atBatch: async (_: unknown, queries: { offset: number }[]) => queries.map(({ offset }) => at(offset)),
  } as never;
}

async function percentiles(keys: number[], ps: number[]): Promise<unknown[]> {
  const measures = Object.fromEntries(ps.map((percentile, i) => [`measure${i}`, { percentile }]));
  const measure = fromAggregate(over(keys), { select: () => ({}) as never, measures });
  return Object.values(await measure({} as never, {} as never));
}

test("is the item at the rank ceil(p·n/100), for every tenth and every n to 1,000", async () => {
  const tenths = Array.from({ length: 1_001 }, (_, i) => i);
  const keys: number[] = [];
  for (let n = 1; n <= 1_000; n++) {
    keys.push(n);
    // In integers, so without rounding errors. The 0th percentile is the least item.
    const ranks = tenths.map((tenth) => Math.max(Math.floor((tenth * n + 999) / 1_000), 1));
    const found = await percentiles(
      keys,
      tenths.map((tenth) => tenth / 10),
    );
    expect(found, `n = ${n}`).toEqual(ranks);
  }
});

test("whatever p is, about that share of the items is at most as great, and a greater p gives no lesser item", async () => {
  const percentile = fc.double({ min: 0, max: 100, noNaN: true });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2_000 }), percentile, percentile, async (n, a, b) => {
      const keys = Array.from({ length: n }, (_, i) => i + 1);
      const [low, high] = (await percentiles(keys, [Math.min(a, b), Math.max(a, b)])) as [number, number];
      expect(low).toBeLessThanOrEqual(high);
      expect(low).toBeGreaterThanOrEqual(1);
      expect(high).toBeLessThanOrEqual(n);
      const share = (Math.max(a, b) * n) / 100;
      expect(high - share).toBeGreaterThan(-1e-6);
      expect(high - share).toBeLessThan(1 + 1e-6);
    }),
  );
});
