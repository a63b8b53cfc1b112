import { type MigrationStatus, Migrations } from "@convex-dev/migrations";
import migrationsComponent from "@convex-dev/migrations/test";
import {
  anyApi,
  componentsGeneric,
  type FunctionReference,
  type GenericDataModel,
  internalMutationGeneric,
} from "convex/server";
import { v } from "convex/values";
import { type AnyView, defineView, viewTable } from "convex-lazy-views";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { eventually } from "../eventually.js";
import { type AppOptions, endTestApp, startTestApp } from "../testApp.js";
import { add, type TotalsOptions, tables, total, totalsView } from "../totals.js";

afterEach(endTestApp);
/** The errors that migrations log. Their other lines are ignored. */
let complaints: string[] = [];
beforeEach(() => {
  complaints = [];
  vi.spyOn(console, "error").mockImplementation((line) => complaints.push(String(line)));
  for (const level of ["debug", "info", "log", "warn"] as const) {
    vi.spyOn(console, level).mockReturnValue();
  }
});

const sumsTable = viewTable({ key: { list: v.string() }, value: { sum: v.number() } });
/** A second view over the items. */
const sums = defineView("sums", {
  table: sumsTable,
  sources: { items: ({ list }: { list: string }) => [{ list }] },
  compute: async (ctx, key: { list: string }) => ({ sum: (await total(ctx as never, key)).sum }),
});

const BUILDERS = ["a plain internalMutation", "one of lazy.mutation"] as const;
interface StartOptions extends TotalsOptions {
  /** The builder of the migrations' functions. */
  builder?: (typeof BUILDERS)[number];
  parallelize?: boolean;
  app?: AppOptions;
}

/** How many documents a batch has. */
const BATCH = 2;
type MigrationName = "warmTotals" | "warmSums";

/** An app that has an item in each of these lists, and a migration for each of its two views. */
async function start(lists: readonly string[], options: StartOptions = {}) {
  const { builder, parallelize = false, app, ...viewOptions } = options;
  const totals = totalsView(viewOptions);
  const component = componentsGeneric().migrations as never;
  const started = startTestApp({
    tables: { ...tables, sums: sumsTable },
    views: { totals, sums: sums as AnyView },
    build: (lazy) => {
      const migrations = new Migrations<GenericDataModel>(
        component,
        builder === "one of lazy.mutation" ? { internalMutation: lazy.mutation(internalMutationGeneric) } : {},
      );
      const each = { table: "items", batchSize: BATCH, parallelize };
      return {
        migrations: {
          warmTotals: migrations.define({ ...each, migrateOne: lazy.warmEach(totals, "items") }),
          warmSums: migrations.define({ ...each, migrateOne: lazy.warmEach(sums, "items") }),
        },
      };
    },
    ...app,
  });
  const { t, query, mutation, advance, rows } = started;
  migrationsComponent.register(t);
  await t.run(async (ctx) => {
    for (const list of lists) await ctx.db.insert("items", { list, n: 1 });
  });

  const migrations = new Migrations<GenericDataModel>(component);
  const status = async (name: MigrationName = "warmTotals") => {
    const asked = { migrations: [`migrations:${name}`] };
    const [found] = await query((ctx) => migrations.getStatus(ctx, asked));
    return found as MigrationStatus;
  };
  return {
    ...started,
    totals,
    /** As `npx convex run migrations:warmTotals`: runs the first batch, and the others in the background. */
    migrate: async (args: object = {}, name: MigrationName = "warmTotals") =>
      await t.mutation(anyApi.migrations?.[name] as FunctionReference<"mutation">, args),
    status,
    cancel: () => mutation((ctx) => migrations.cancel(ctx as never, "migrations:warmTotals")),
    /** Runs all batches, and the functions that they have scheduled. */
    ended: async (name?: MigrationName) => {
      const last = await eventually(async () => {
        await advance(1);
        const found = await status(name);
        expect(found.state).not.toBe("inProgress");
        return found;
      });
      await advance(1);
      return last;
    },
    /** The lists whose rows were asked for: one for each recompute job. */
    asked: async () => {
      const jobs = (await started.jobs()).filter(({ name }) => name === "lazy:recompute");
      return jobs.map(({ args }) => (args[0] as { job: { args: { list: string } } }).job.args.list);
    },
    /** List → `asOf` of its row. */
    commits: async (view = "totals") => {
      const found = (await rows(view)) as { args: { list: string }; asOf: bigint }[];
      return Object.fromEntries(found.map(({ args, asOf }) => [args.list, asOf]));
    },
  };
}

describe.each(BUILDERS)("warmEach, in a migration of %s", (builder) => {
  test("warms all keys of a source, batch by batch in the background", async () => {
    const app = await start(["a", "b", "a", "c", "d"], { builder });
    expect(await app.migrate()).toMatchObject({ Status: "Migration started.", processed: BATCH });
    expect(await app.status()).toMatchObject({ state: "inProgress", processed: BATCH });
    expect(await app.ended()).toMatchObject({ state: "success", processed: 5 });
    for (const list of ["a", "b", "c", "d"]) {
      await app.testing.expectState(app.totals, { list }, "fresh");
    }
    expect((await app.testing.peek(app.totals, { list: "a" })).value).toEqual({ count: 2, sum: 2 });
    expect(await app.asked()).toEqual(["a", "b", "c", "d"]);
    expect(complaints).toEqual([]);
  });

  test("leaves rows as they are that are fresh", async () => {
    const app = await start(["a", "b", "c"], { builder });
    await app.migrate();
    await app.ended();
    await app.advance(20_000);
    const before = await app.commits();
    await app.mutation(add("b", 1));

    await app.migrate({ reset: true });
    expect(await app.ended()).toMatchObject({ state: "success", processed: 4 });
    const after = await app.commits();
    expect(after).toEqual({ ...before, b: expect.any(BigInt) });
    expect(after.b).toBeGreaterThan(before.b as bigint);
    expect(await app.asked()).toEqual(["a", "b", "c", "b"]);
    await app.testing.expectState(app.totals, { list: "b" }, "fresh");
  });

  test("goes on where it was stopped, and does nothing more when it has ended", async () => {
    const app = await start(["a", "b", "c", "d", "e"], { builder });
    await app.migrate();
    const { cursor } = await app.status();
    expect(cursor).toEqual(expect.any(String));
    await app.cancel();
    expect(await app.ended()).toMatchObject({ state: "canceled", processed: BATCH, cursor });
    const stopped = await app.commits();
    expect(Object.keys(stopped)).toEqual(["a", "b"]);

    await app.migrate();
    expect(await app.ended()).toMatchObject({ state: "success", processed: 5 });
    const ended = await app.commits();
    expect(ended).toMatchObject(stopped);
    expect(Object.keys(ended)).toEqual(["a", "b", "c", "d", "e"]);

    await app.mutation(add("a", 1));
    expect(await app.migrate()).toMatchObject({ Status: "Migration already done." });
    expect(await app.ended()).toMatchObject({ state: "success", processed: 5 });
    expect(await app.commits()).toEqual(ended);
  });

  test("changes nothing in a dry run", async () => {
    const app = await start(["a", "b", "c"], { builder });
    expect(await app.migrate({ dryRun: true })).toMatchObject({
      DryRun: "No changes were committed.",
      processed: BATCH,
    });
    expect(await app.ended()).toMatchObject({ state: "unknown", processed: 0 });
    for (const table of ["totals", "lazyEffects", "lazySweeps"]) {
      expect(await app.rows(table)).toEqual([]);
    }
    expect(await app.jobs()).toEqual([]);
  });

  test("fails at a document whose keys cannot be computed, and goes on from there when they can", async () => {
    const app = await start(["a", "b", "c", "?", "d"], {
      builder,
      sources: { items: ({ list }: { list: string }) => [list === "?" ? { lost: 1 } : { list }] },
    });
    const [broken] = (await app.rows("items")).filter(({ list }) => list === "?");
    await app.migrate();
    const failed = await app.ended();
    expect(failed).toMatchObject({ state: "failed", processed: BATCH });
    expect(failed.error).toMatch(
      `view "totals": sources.items failed for the document ${broken?._id}: ` +
        'view "totals": key.list: expected string, got undefined',
    );
    expect(complaints.join()).toContain("Migration migrations:warmTotals failed");
    // No document of its batch is warmed.
    expect(Object.keys(await app.commits())).toEqual(["a", "b"]);

    await app.t.run((ctx) => ctx.db.patch(broken?._id as never, { list: "x" } as never));
    await app.migrate();
    expect(await app.ended()).toMatchObject({ state: "success", processed: 5 });
    expect(Object.keys(await app.commits())).toEqual(["a", "b", "c", "x", "d"]);
  });

  test("asks once for a key, also of documents side by side", async () => {
    const app = await start(["a", "a", "a", "a"], { builder, parallelize: true });
    await app.migrate();
    expect(await app.ended()).toMatchObject({ state: "success", processed: 4 });
    expect(await app.rows("lazyEffects")).toHaveLength(1);
    expect(await app.asked()).toEqual(["a"]);
    await app.testing.expectState(app.totals, { list: "a" }, "fresh");
  });
});

describe("warmEach", () => {
  test("of two views over one source is two migrations, each with its own progress", async () => {
    const app = await start(["a", "b", "c"]);
    await app.migrate();
    expect(await app.ended("warmTotals")).toMatchObject({ state: "success", processed: 3 });
    expect(await app.status("warmSums")).toMatchObject({ state: "unknown", processed: 0 });
    expect(await app.rows("sums")).toEqual([]);
    const before = await app.commits("totals");

    await app.migrate({}, "warmSums");
    expect(await app.ended("warmSums")).toMatchObject({ state: "success", processed: 3 });
    for (const list of ["a", "b", "c"]) await app.testing.expectState(sums, { list }, "fresh");
    expect(await app.commits("totals")).toEqual(before);
  });

  test("runs several migrations one after the other", async () => {
    const app = await start(["a", "b", "c"]);
    await app.migrate({ next: ["migrations:warmSums"] });
    await app.ended("warmTotals");
    await eventually(async () => {
      await app.advance(1);
      expect(await app.status("warmSums")).toMatchObject({ state: "success", processed: 3 });
    });
    expect(Object.keys(await app.commits("sums"))).toEqual(["a", "b", "c"]);
  });

  test.each(BUILDERS)("works in an app whose clients forward effects, in %s", async (builder) => {
    const app = await start(["a", "b", "c"], { builder, app: { transports: ["client"] } });
    await app.migrate();
    expect(await app.ended()).toMatchObject({ state: "success", processed: 3 });
    for (const list of ["a", "b", "c"]) {
      await app.testing.expectState(app.totals, { list }, "fresh");
    }
  });

  test("of a table that is no source is refused where it is defined", async () => {
    const { lazy, totals } = await start([]);
    expect(() => lazy.warmEach(totals, "notes")).toThrow('warmEach: "notes" is no source of the view "totals" (items)');
  });
});

describe("warmEach of a tracked view", () => {
  const computeSum = async (ctx: object, key: { list: string }) => ({ sum: (await total(ctx as never, key)).sum });
  const tracked = defineView("sums", { table: sumsTable, compute: computeSum });
  const startTracked = () =>
    startTestApp({ tables: { ...tables, sums: sumsTable }, views: { sums: tracked as AnyView } });

  test("takes a function from documents to keys", async () => {
    const app = startTracked();
    const warmItem = app.lazy.warmEach(tracked, ({ list }: { list: string }) => [{ list }, { list: `${list}${list}` }]);
    await app.mutation(async (ctx) => {
      await ctx.db.insert("items", { list: "a", n: 3 });
      for (const item of await ctx.db.query("items").collect()) await warmItem(ctx as never, item as never);
    });
    await app.advance(1);
    expect((await app.testing.peek(tracked, { list: "a" })).value).toEqual({ sum: 3 });
    await app.testing.expectState(tracked, { list: "aa" }, "fresh");
  });

  test("names the document that the function fails for", async () => {
    const app = startTracked();
    const warmItem = app.lazy.warmEach(tracked, () => [{ lost: 1 } as never]);
    await expect(app.mutation((ctx) => warmItem(ctx as never, { _id: "item 1" }))).rejects.toThrow(
      'view "sums": warmEach failed for the document item 1: view "sums": key.list: expected string, got undefined',
    );
  });

  test("refuses the name of a table, with the remedy", async () => {
    expect(() => startTracked().lazy.warmEach(tracked, "items")).toThrow(
      'warmEach: "items" is no source of the view "sums" (none). Give one of them, or a function: document → keys.',
    );
  });
});

describe("warm", () => {
  test("has rows recomputed that are not fresh, and no others", async () => {
    const app = await start(["0", "1", "2"]);
    const warm = (keys: { list: string }[]) => app.mutation((ctx) => app.lazy.warm(ctx, app.totals, keys));
    await app.mutation((ctx) => app.totals.refresh(ctx, { list: "0" }));
    await warm([{ list: "0" }, { list: "1" }, { list: "2" }, { list: "1" }]);
    expect(await app.asked()).toEqual(["1", "2"]);
    await app.advance(1_000);
    for (const list of ["0", "1", "2"]) {
      await app.testing.expectState(app.totals, { list }, "fresh");
    }
  });

  test("works in a query too", async () => {
    const app = await start(["0"]);
    const { effects } = await app.collect((ctx) => app.lazy.warm(ctx, app.totals, [{ list: "0" }]));
    expect(effects).toMatchObject([{ target: "lazy:recompute", seen: 0n }]);
  });

  test("refuses 501 keys, with the remedy, and keys that do not fit", async () => {
    const app = await start([]);
    const warm = (keys: object[]) => app.mutation((ctx) => app.lazy.warm(ctx, app.totals, keys as never));
    const keys = Array.from({ length: 501 }, (_, i) => ({ list: String(i) }));
    await expect(warm(keys)).rejects.toThrow("warm was given 501 keys; give at most 500");
    await expect(warm([{ lost: "0" }])).rejects.toThrow('view "totals": key.list');
  });
});
