import { anyApi, type FunctionReference, mutationGeneric, queryGeneric } from "convex/server";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Effect } from "../../src/effects/effect.js";
import { endTestApp, type MutationCtx, noteTargets, type QueryCtx, type TestApp } from "../testApp.js";
import { notes, raise, start } from "./clientApp.js";

/*
 * More effects than a transaction can schedule functions, under Convex's limits.
 */

afterEach(endTestApp);

const lists = (count: number) => Array.from({ length: count }, (_, i) => ({ list: `list ${i}` }));

/** The lists whose recompute is scheduled, or is passed on to a dispatch. */
async function asked({ jobs }: Pick<TestApp, "jobs">): Promise<string[]> {
  type Recompute = { args: { list: string } };
  return (await jobs()).flatMap(({ name, args: [given] }) => {
    if (name === "lazy:recompute") return [(given.job as Recompute).args.list];
    return name === "lazy:dispatch" ? given.effects.map(({ args }: Effect) => (args as Recompute).args.list) : [];
  });
}

async function expectAsked(app: Pick<TestApp, "jobs">, count: number) {
  const all = await asked(app);
  expect(all).toHaveLength(count);
  expect(new Set(all).size).toBe(count);
}

function startLimited() {
  return start(["client"], {
    limits: {},
    build: (lazy) => ({
      n: { n: noteTargets().note },
      reads: {
        many: (lazy.query(queryGeneric as never) as unknown as typeof queryGeneric)({
          args: {},
          handler: async (ctx: unknown) => {
            const { scheduleEffect } = ctx as QueryCtx;
            for (let i = 0; i < 1_050; i++) scheduleEffect(anyApi.n?.n as never, { text: String(i) } as never);
            return null;
          },
        }),
      },
    }),
  });
}

/** Schedules functions of the app's own. */
async function scheduleOwn(ctx: MutationCtx, count: number) {
  for (let i = 0; i < count; i++) await ctx.scheduler.runAfter(0, notes.note as never, { text: "own" } as never);
}

test("a mutation that reads 150 rows which are missing has all of them computed", async () => {
  const app = startLimited();
  await app.mutation((ctx) => app.totals.getMany(ctx, lists(150)));
  await app.advance(1_000);
  expect(await app.rows("totals")).toHaveLength(150);
});

describe("a mutation that reads 1,000 rows which are missing", () => {
  test.each([0, 900, 999])("and schedules %s functions of its own works, and asks for all", async (own) => {
    const app = startLimited();
    const values = await app.mutation(async (ctx) => {
      await scheduleOwn(ctx, own);
      return await app.totals.getMany(ctx, lists(1_000));
    });
    expect(values).toHaveLength(1_000);
    await expectAsked(app, 1_000);
  });

  test("is rolled back with what it handed on", async () => {
    const app = startLimited();
    const failing = app.mutation(async (ctx) => {
      await app.totals.getMany(ctx, lists(1_000));
      throw new Error("rolled back");
    });
    await expect(failing).rejects.toThrow("rolled back");
    expect(await app.jobs()).toEqual([]);
  });

  test("works also when Convex takes no other function, and says what was not scheduled", async () => {
    const app = startLimited();
    const complaints = vi.spyOn(console, "error").mockReturnValue();
    const read = async (ctx: MutationCtx) => {
      await scheduleOwn(ctx, 1_000);
      return await app.totals.get(ctx, { list: "a" });
    };
    await app.mutation(read);
    expect(complaints.mock.calls[0]?.[0]).toContain("1 recompute(s) were not scheduled");
  });
});

test("a mutation whose own effect cannot be scheduled fails, as one of Convex's scheduler does", async () => {
  const app = startLimited();
  const failing = app.mutation(async (ctx) => {
    await scheduleOwn(ctx, 1_000);
    raise(ctx, "one too many");
  });
  await expect(failing).rejects.toThrow();
});

test("a mutation that raises 250 effects has all of them run, each once", async () => {
  const app = startLimited();
  await app.mutation((ctx) => {
    for (let i = 0; i < 250; i++) raise(ctx, String(i));
  });
  await app.advance(1_000);
  const noted = await app.noted();
  expect(noted).toHaveLength(250);
  expect(new Set(noted).size).toBe(250);
});

test("one effect that cannot be dispatched holds up no other, also among those that are handed on", async () => {
  const app = startLimited();
  await app.mutation((ctx) => {
    for (let i = 0; i < 300; i++) {
      if (i % 100 === 50) ctx.scheduleEffect(anyApi.gone?.missing as never, { i } as never);
      else raise(ctx, String(i));
    }
  });
  await app.advance(1_000);
  expect(await app.noted()).toHaveLength(297);
});

test("a client forwards 1,050 effects of one query in one call", async () => {
  const app = startLimited();
  const { once } = await app.marked("many");
  expect(once.length).toBeLessThanOrEqual(16);
  expect(await app.forward(once)).toMatchObject({ dispatched: 1_050 });
  expect(await app.forward(once)).toMatchObject({ refused: 0 });
  await app.advance(1_000);
  expect(await app.noted()).toHaveLength(1_050);
});

test("a migration warms a hundred documents of 12 keys each in one plain mutation", async () => {
  const keys = ({ n }: { n: number }) => lists(12).map(({ list }) => ({ list: `${n} ${list}` }));
  const app = start(
    ["client"],
    {
      limits: {},
      build: (lazy) => ({
        migrations: {
          warm: mutationGeneric(async (ctx) => {
            const warm = lazy.warmEach(app.totals as never, "items");
            for (const item of await ctx.db.query("items").collect()) await warm(ctx, item);
          }),
        },
      }),
    },
    { sources: { items: keys } },
  );
  await app.t.run(async (ctx) => {
    for (let n = 0; n < 100; n++) await ctx.db.insert("items", { list: "a", n });
  });
  await app.t.mutation(anyApi.migrations?.warm as FunctionReference<"mutation">, {});
  await expectAsked(app, 1_200);
});

test.each([0, 950])("500 keys are warmed in a mutation that schedules %s functions", async (own) => {
  const app = startLimited();
  await app.mutation(async (ctx) => {
    await scheduleOwn(ctx, own);
    await app.lazy.warm(ctx, app.totals, lists(500));
  });
  await expectAsked(app, 500);
});
