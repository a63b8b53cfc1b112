import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../examples/convex/_generated/api.js";
import type { Id } from "../../examples/convex/_generated/dataModel.js";
import { startExample } from "./startExample.js";

const HOUR = 3_600_000;
const LIMIT = 100;

let example: ReturnType<typeof startExample>;
let account: Id<"accounts">;
async function start() {
  example = startExample();
  account = await example.t.mutation(api.quota.accounts.create, { name: "Acme", limit: LIMIT });
}
beforeEach(start);
afterEach(() => {
  vi.useRealTimers();
});

const use = (units: number) => example.t.mutation(api.quota.accounts.use, { account, units });
const setLimit = (limit: number) => example.t.mutation(api.quota.accounts.setLimit, { account, limit });
const unlock = () => example.t.mutation(api.quota.accounts.unlock, { account });
const read = () => example.t.query(api.quota.accounts.usage, { account });
const stored = () => example.t.run(async (ctx) => await ctx.db.get("accounts", account));
const collect = () => example.views.collect(read);

/** What a reader sees after all effects of its reads are done. */
const settled = () => example.views.settle(read);

/** A query sees the overage and raises the lock. Returns the lines for the log stream. */
async function seeOverage() {
  await use(101);
  const seen = await collect();
  expect(seen.result).toMatchObject({ state: "over", units: 101 });
  expect(locks(seen.effects)).toHaveLength(1);
  return seen;
}

function locks(effects: readonly { target: string }[]) {
  return effects.filter(({ target }) => target === "quota/accounts:lock");
}

describe("an account", () => {
  test("is open up to its limit, and nothing is raised for it", async () => {
    await use(60);
    await settled();
    await use(40);
    expect(await settled()).toMatchObject({ units: 100, state: "open" });
    const { effects } = await collect();
    expect(effects).toEqual([]);
  });

  test("past its limit is read without waiting, and locked by the query that saw it", async () => {
    const { messages } = await seeOverage();
    await example.deliver(messages);
    expect(await settled()).toEqual({
      account,
      name: "Acme",
      limit: 100,
      units: 101,
      unitsState: "fresh",
      period: 1,
      state: "locked",
    });
    await expect(use(1)).rejects.toThrow('The account "Acme" is locked.');
  });

  test("read again and again inside the window has 0 documents written", async () => {
    const { messages } = await seeOverage();
    // The overage stays after its lock has run, since the limit was higher at that moment.
    await setLimit(101);
    await example.deliver(messages);
    await settled();
    await setLimit(100);
    const before = await example.documents();
    for (let i = 0; i < 3; i++) {
      const again = await collect();
      expect(again.result).toMatchObject({ state: "over" });
      expect(locks(again.effects)).toHaveLength(1);
      await example.deliver([...again.messages, ...messages]);
    }
    expect(await example.documents()).toEqual(before);
    await example.views.advance(10_000);
    expect(await settled()).toMatchObject({ state: "locked" });
  });

  test("that a query saw past its limit by an old sum is not locked: the target looks again", async () => {
    await use(101);
    await setLimit(101);
    await settled();
    await setLimit(100);
    await example.t.run(async (ctx) => {
      const event = await ctx.db.query("usageEvents").first();
      if (event !== null) await ctx.db.patch("usageEvents", event._id, { units: 100 });
    });
    const { result, messages } = await collect();
    expect(result.state).toBe("over");
    await example.deliver(messages);
    expect((await stored())?.lockedAt).toBeUndefined();
  });

  test("unlocked begins a new period", async () => {
    await example.deliver((await seeOverage()).messages);
    await unlock();
    expect(await settled()).toMatchObject({ units: 0, period: 2, state: "open" });
    await use(7);
    expect(await settled()).toMatchObject({ units: 7, state: "open" });
  });

  test("unlocked is locked again by an overage of its new period", async () => {
    await example.deliver((await seeOverage()).messages);
    await unlock();
    await example.deliver((await seeOverage()).messages);
    expect(await settled()).toMatchObject({ period: 2, state: "locked" });
  });

  test("unlocked stays so when the effect that locked it is replayed, whatever it uses since", async () => {
    const { messages } = await seeOverage();
    await example.deliver(messages);
    await unlock();
    await use(500);
    await example.views.advance(HOUR);
    await example.forgetLedger();
    const before = await stored();
    await example.deliver(messages);
    expect(await stored()).toEqual(before);
    expect(before?.lockedAt).toBeUndefined();
  });

  test("unlocked stays so when an effect raised before comes late", async () => {
    const late = await seeOverage();
    await example.deliver((await collect()).messages);
    expect(await settled()).toMatchObject({ state: "locked" });
    await unlock();
    await example.views.advance(HOUR);
    await example.forgetLedger();
    await example.deliver(late.messages);
    expect(await settled()).toMatchObject({ period: 2, state: "open" });
  });

  test("that is locked is not locked anew when the effect is replayed", async () => {
    const { messages } = await seeOverage();
    await example.deliver(messages);
    const locked = await stored();
    await example.views.advance(HOUR);
    await example.forgetLedger();
    await example.deliver(messages);
    expect(await stored()).toEqual(locked);
    expect(locked).toHaveProperty("lockedAt");
  });

  test("is locked when an action looks at it and no page is open", async () => {
    await use(101);
    const report = () => example.t.action(api.quota.report.overages);
    expect(await example.views.settle(report)).toEqual(["Acme: 101 of 100 units, locked"]);
    expect(await stored()).toHaveProperty("lockedAt");
  });

  test("that was deleted is an error for its reader, and none for a late effect", async () => {
    const { messages } = await seeOverage();
    await example.t.run(async (ctx) => await ctx.db.delete("accounts", account));
    await example.deliver(messages);
    expect(await example.failedJobs()).toEqual([]);
    await expect(read()).rejects.toThrow(`There is no account ${account}.`);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses %d units", async (units) => {
    await expect(use(units)).rejects.toThrow(`units is ${units}; give a number above 0.`);
    await expect(example.t.mutation(api.quota.accounts.create, { name: "Acme", limit: units })).rejects.toThrow(
      `limit is ${units}; give a number above 0.`,
    );
    await expect(setLimit(units)).rejects.toThrow(`limit is ${units}; give a number above 0.`);
  });
});

const step = fc.oneof(
  fc.record({ do: fc.constant("use" as const), units: fc.integer({ min: 40, max: 160 }) }),
  fc.record({ do: fc.constant("read" as const) }),
  fc.record({ do: fc.constant("unlock" as const) }),
  // Any effect so far: on time, late or again.
  fc.record({ do: fc.constant("deliver" as const), which: fc.nat() }),
  fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: HOUR }) }),
  fc.record({ do: fc.constant("forgetLedger" as const) }),
);

test("whatever comes late or twice, an account is locked only by an overage of its own period", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
      await start();
      const raised: string[] = [];
      let used = 0;
      for (const step of steps) {
        const isLocked = (await stored())?.lockedAt !== undefined;
        if (step.do === "use" && !isLocked) {
          await use(step.units);
          used += step.units;
        } else if (step.do === "read") raised.push(...(await collect()).messages);
        else if (step.do === "unlock") {
          await unlock();
          used = 0;
        } else if (step.do === "deliver" && raised.length > 0) {
          await example.deliver([raised[step.which % raised.length] as string]);
        } else if (step.do === "advance") await example.views.advance(step.ms);
        else if (step.do === "forgetLedger") await example.forgetLedger();
        if ((await stored())?.lockedAt !== undefined) expect(used).toBeGreaterThan(LIMIT);
      }
      await settled();
      // A lock that ran before the overage may have opened a window. After that window one read is enough.
      await example.views.advance(10_000);
      expect(await settled()).toMatchObject({
        units: used,
        state: used > LIMIT ? "locked" : "open",
      });
    }),
    { numRuns: 60 },
  );
});
