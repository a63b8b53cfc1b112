import { defineTable, type TableDefinition } from "convex/server";
import { v } from "convex/values";
import { type AnyView, defineView, type View, viewTable } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endTestApp, type MutationCtx, noteTargets, startTestApp } from "../testApp.js";
import type { Totals } from "../totals.js";

afterEach(endTestApp);

const table = viewTable({ key: { list: v.string() }, value: { count: v.number(), sum: v.number() } });
const items = defineTable({ list: v.string(), n: v.number() });
const key = { list: "a" };

function viewOf(name: string, options: object = {}) {
  return defineView(name, {
    table,
    sources: { items: ({ list }: { list: string }) => [{ list }] },
    compute: () => ({ count: 0, sum: 0 }),
    onMissing: "null",
    ...options,
  } as never) as never as View<{ list: string }, Totals, unknown>;
}

/** An app with the views "kept" and "lost". Its schema has only the tables that are given. */
function start(tables: string[], options: object = {}) {
  const kept = viewOf("kept", options);
  const lost = viewOf("lost", options);
  const ofViews: Record<string, TableDefinition> = Object.fromEntries(tables.map((name) => [name, table]));
  const notes = defineTable({ text: v.string() });
  const app = startTestApp({
    tables: { items, notes, ...ofViews },
    views: { kept: kept as AnyView, lost: lost as AnyView },
    modules: { notes: noteTargets() },
  });
  return { ...app, kept, lost };
}

/** The lines of a reader of the view "lost", from before its table was removed. */
async function readOfLost(): Promise<string[]> {
  const { collect, lost } = start(["kept", "lost"]);
  const { messages } = await collect((ctx) => lost.get(ctx, key));
  endTestApp();
  return messages;
}

describe("an effect of a view without a table", () => {
  const reason = /^lazy:recompute could not be scheduled: view "lost" could not be read: is its viewTable/;

  test("alone, is refused and remembered, and the log stream does not send it again", async () => {
    const messages = await readOfLost();
    const app = start(["kept"]);
    await app.deliver(messages);
    const [entry] = await app.rows("lazyEffects");
    expect(entry?.failure).toMatchObject({ attempts: 1, message: expect.stringMatching(reason) });
    expect(await app.jobs()).toEqual([expect.objectContaining({ name: "lazy:sweep" })]);
    // Repetitions write nothing while the window is open.
    await app.deliver(messages);
    expect(await app.rows("lazyEffects")).toEqual([entry]);
    await app.advance(10_000);
    await app.deliver(messages);
    expect((await app.rows("lazyEffects"))[0]?.failure).toMatchObject({ attempts: 2 });
  });

  test("is counted as refused", async () => {
    const app = start(["kept"]);
    const effect = { target: "lazy:recompute", args: { view: "lost", args: key }, windowMs: 10_000 };
    for (const seen of [0n, 7n, 7n]) {
      expect(await app.dispatch([{ ...effect, seen }])).toMatchObject({ refused: 1, dispatched: 0, trailing: 0 });
    }
  });

  test("among others holds up none of them", async () => {
    const messages = await readOfLost();
    const app = start(["kept"]);
    const others = await app.collect((ctx) => app.kept.get(ctx, key));
    await app.deliver([...messages, ...others.messages]);
    await app.advance(0);
    await app.testing.expectState(app.kept, key, "fresh");
  });

  test("runs when the table is there, and the failure is over", async () => {
    const messages = await readOfLost();
    const app = start(["kept"]);
    await app.deliver(messages);
    const [{ _id, _creationTime, ...entry } = {}] = await app.rows("lazyEffects");
    const repaired = start(["kept", "lost"]);
    await repaired.t.run(async (ctx) => void (await ctx.db.insert("lazyEffects", entry)));
    await repaired.readAndSettle((ctx) => repaired.lost.get(ctx, key));
    await repaired.testing.expectState(repaired.lost, key, "fresh");
    expect((await repaired.inspect()).views.lost?.failures).toEqual([]);
  });
});

describe("a fault that is not the effect's", () => {
  type Syscall = (op: string, args: string) => Promise<string>;

  /** Until the test ends, Convex fails calls that use this table. */
  function failAbout(table: string, reason: string) {
    const convex = (globalThis as unknown as { Convex: { asyncSyscall: Syscall } }).Convex;
    const original = Object.getOwnPropertyDescriptor(convex, "asyncSyscall")?.get as () => Syscall;
    const failing: Syscall = async (op, args) => {
      if (args.includes(table)) throw new Error(reason);
      return await original.call(convex)(op, args);
    };
    const spied = vi.spyOn(convex as { asyncSyscall: unknown }, "asyncSyscall" as never, "get");
    spied.mockReturnValue(failing as never);
  }

  test.each([
    ["the ledger's table is missing", "lazyEffects", "Index lazyEffects.by_key not found."],
    ["the transaction has no room", '"lost"', "Too many reads in a single function execution (limit: 4096)."],
    ["an index is being filled", '"lost', "Index lost.by_key is currently backfilling and not available to query yet."],
  ])("has the log stream send it again: %s", async (_, table, reason) => {
    const app = start(["kept", "lost"]);
    const { messages } = await app.collect((ctx) => app.lost.get(ctx, key));
    failAbout(table, reason);
    await expect(app.deliver(messages)).rejects.toThrow(/503.*(lazyEffects.by_key|Too many reads|backfilling)/);
    vi.restoreAllMocks();
    await app.deliver(messages);
    await app.advance(0);
    await app.testing.expectState(app.lost, key, "fresh");
  });
});

describe("writes to a source of a view without a table", () => {
  test.each([{}, { mode: "snapshot" }, { applyChange: () => undefined }])("go on: %o", async (options) => {
    const complaints = vi.spyOn(console, "error").mockReturnValue();
    const app = start(["kept"], options);
    await app.mutation((ctx) => app.kept.refresh(ctx as MutationCtx, key));
    await app.mutation(async (ctx) => {
      const ids = [];
      for (const list of ["a", "a", "b"]) ids.push(await ctx.db.insert("items", { list, n: 1 } as never));
      const [first, second] = ids as [never, never];
      await ctx.db.patch(first, { n: 2 } as never);
      await ctx.db.delete(second);
    });
    expect(await app.rows("items")).toHaveLength(2);
    await app.testing.expectState(app.kept, key, "stale");
    // Once for each mutation.
    expect(complaints).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('view "lost" could not be read: is its viewTable() in convex/schema.ts?'),
    );
  });

  test("of very many keys go on too", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const app = start(["kept"]);
    await app.mutation(async (ctx) => {
      for (let n = 0; n < 300; n++) await ctx.db.insert("items", { list: `${n}`, n } as never);
    });
    expect(await app.rows("items")).toHaveLength(300);
  });

  test("while invalidate, refresh and evict of that view say what is missing", async () => {
    const app = start(["kept"]);
    for (const method of ["invalidate", "refresh", "evict"] as const) {
      const call = app.mutation(async (ctx) => void (await app.lost[method](ctx as MutationCtx, key)));
      await expect(call).rejects.toThrow("is its viewTable() in convex/schema.ts?");
    }
  });
});
