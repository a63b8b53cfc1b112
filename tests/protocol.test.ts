import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { RETRY } from "../src/recompute/retry.js";
import { endTestApp } from "./testApp.js";
import { add, startTotals, total } from "./totals.js";

afterEach(endTestApp);

const WINDOW_MS = 10_000;
const LISTS = ["a", "b"];

/** One step of a history. Messages are those of effects that have not arrived yet. */
type Step =
  | { do: "write"; list: string }
  | { do: "move" }
  | { do: "refresh" | "evict"; list: string }
  | { do: "deliver" | "deliver and keep" | "lose"; message: number }
  | { do: "wait"; ms: number }
  | { do: "break" | "mend" };

const list = fc.constantFrom(...LISTS);
const message = fc.nat({ max: 99 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("write" as const), list }) },
  { weight: 2, arbitrary: fc.constant({ do: "move" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("refresh" as const, "evict" as const), list }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("deliver" as const), message }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("deliver and keep" as const), message }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), message }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 1, 500, 9_000, 10_001, 61_000),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ do: "break" as const }, { do: "mend" as const }) },
);

/** Runs a history with one subscriber a key, which runs again whenever its row changes, as in Convex. */
async function runHistory(steps: Step[]) {
  let broken = false;
  const starts: { list: string; at: number; requested: boolean }[] = [];
  let requested = false;
  const app = startTotals({
    compute: async (ctx, key) => {
      starts.push({ list: key.list, at: Date.now(), requested });
      if (broken) throw new Error("broken");
      return await total(ctx, key);
    },
  });
  const pending: string[] = [];
  const seenRows = new Map<string, string>();
  let lost = 0;
  let items: unknown[] = [];

  const rowOf = async (list: string) =>
    (await app.rows("totals")).find((row) => (row.args as { list: string }).list === list);

  /** Subscribers whose row changed read again; whatever is called fresh must be what compute says now. */
  const react = async () => {
    for (const list of LISTS) {
      const row =
        JSON.stringify(await rowOf(list), (_, v) => (typeof v === "bigint" ? `${v}n` : v)) ??
        "none";
      const { result, messages } = await app.collect((ctx) => app.totals.read(ctx, { list }));
      if (result.state === "fresh") {
        const now = await app.t.run(async (ctx) => await total(ctx as never, { list }));
        expect(result.value).toEqual(now);
      }
      if (seenRows.get(list) !== row) pending.push(...messages);
      seenRows.set(list, row);
    }
  };
  const perform = async (step: Step) => {
    switch (step.do) {
      case "write":
        items.push(await app.mutation(add(step.list, 1)));
        break;
      case "move": {
        const id = items[0];
        items = items.slice(1);
        if (id !== undefined) await app.mutation((ctx) => ctx.db.patch(id as never, { list: "b" }));
        break;
      }
      case "refresh":
        requested = true;
        await app.mutation((ctx) => app.totals.refresh(ctx, { list: step.list })).catch(() => {});
        requested = false;
        break;
      case "evict":
        await app.mutation((ctx) => app.totals.evict(ctx, { list: step.list }));
        break;
      case "deliver":
      case "deliver and keep":
      case "lose": {
        if (pending.length === 0) break;
        const i = step.message % pending.length;
        if (step.do !== "lose") await app.deliver([pending[i] as string]);
        else lost++;
        if (step.do !== "deliver and keep") pending.splice(i, 1);
        break;
      }
      case "wait":
        await app.advance(step.ms);
        break;
      case "break":
      case "mend":
        broken = step.do === "break";
    }
    await react();
  };

  await react();
  for (const next of steps) await perform(next);

  // Writes stop, and everything arrives: no reader has to ask twice. An effect that was lost heals at the next
  // write after the grace.
  await perform({ do: "mend" });
  if (lost > 0) {
    await perform({ do: "wait", ms: 61_000 });
    for (const list of LISTS) await perform({ do: "write", list });
    seenRows.clear();
    await react();
  }
  for (let i = 0; i < 400 && pending.length > 0; i++) {
    await perform({ do: "deliver", message: 0 });
    await perform({ do: "wait", ms: 2_000 });
  }
  // As long as the longest backoff; a view whose attempts were used up while it was broken waits for a reader.
  await perform({ do: "wait", ms: 10 * 60_000 });
  const failures = (await app.inspect()).views.totals?.failures ?? [];
  if (failures.some(({ attempts }) => attempts >= RETRY.maxAttempts)) {
    seenRows.clear();
    await react();
    while (pending.length > 0) await perform({ do: "deliver", message: 0 });
  }
  await perform({ do: "wait", ms: 10 * 60_000 });
  for (const list of LISTS) {
    const { result } = await app.collect((ctx) => app.totals.read(ctx, { list }));
    expect(result.state).toBe("fresh");
  }

  // At most one recompute of a key starts in a window.
  for (const list of LISTS) {
    const own = starts.filter((start) => start.list === list && !start.requested);
    for (const [i, start] of own.slice(1).entries()) {
      expect(start.at - (own[i] as { at: number }).at).toBeGreaterThanOrEqual(WINDOW_MS - 10);
    }
  }
}

test("random histories: never fresh and wrong, one recompute a window, and everything converges", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      await runHistory(steps);
      endTestApp();
    }),
    { numRuns: 200 },
  );
}, 120_000);
