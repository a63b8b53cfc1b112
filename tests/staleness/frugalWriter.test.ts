import { defineTable, type GenericDataModel, type GenericMutationCtx } from "convex/server";
import { CommitTsPlaceholder, v } from "convex/values";
import { type Change, Triggers } from "convex-helpers/server/triggers";
import { defineView } from "convex-lazy-views";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp, type MutationCtx, startTestApp } from "../testApp.js";
import { totalsTable } from "../totals.js";

afterEach(endTestApp);

type Writer = GenericMutationCtx<GenericDataModel>["db"];
type Changes = Change<GenericDataModel, string>[];
type Document = Record<string, unknown>;

const tables = {
  things: defineTable(v.any()),
  others: defineTable(v.any()),
  totals: totalsTable,
};

/** Writes of every form, one after the other and side by side, with values of every kind. */
async function write(db: Writer): Promise<void> {
  const write = db as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const { insert, patch, replace, delete: remove } = write as Required<typeof write>;
  const bytes = new Uint8Array([1, 2]).buffer;
  const id = await insert?.("things", {
    ...{ list: "a", gone: undefined, nested: { x: 1, gone: undefined }, big: 5n, bytes },
    ...{ nan: Number.NaN, list2: [1, { gone: undefined }] },
  });
  await patch?.("things", id, { list: "b", two: 2, nested: { y: 3 } });
  await patch?.(id, { two: undefined });
  await patch?.("things", id, { nested: { gone: undefined } });
  await patch?.("things", id, { ts: db.vars.commitTs });
  await patch?.("things", id, { more: 1 });
  await patch?.("things", id, { deep: [{ ts: db.vars.commitTs }] });
  await replace?.(id, { list: "c", gone: undefined });
  await replace?.("things", id, { list: "d", _id: id });
  await patch?.("things", id, {});
  await Promise.all([
    patch?.("things", id, { p: 1 }),
    patch?.("things", id, { q: 2 }),
    replace?.("things", id, { list: "e" }),
    patch?.(id, { r: 3 }),
  ]);
  await patch?.("things", id, { wrong: new Date() }).catch(() => {});
  await patch?.("things", id, { after: 1 });
  const other = await insert?.("others", { a: 1 });
  await patch?.(other, { b: 2 });
  await remove?.("others", other);
  const second = await insert?.("things", { list: "z" });
  await remove?.(second);
  await remove?.("things", id);
}

/** What Triggers of convex-helpers tells by itself. */
async function expected(): Promise<Changes> {
  const app = startTestApp({ tables });
  const changes: Changes = [];
  const triggers = new Triggers<GenericDataModel>();
  triggers.register("things", async (_, change) => void changes.push(change));
  await app.t.run(
    async (ctx) => await write(triggers.wrapDB(ctx as unknown as MutationCtx).db as Writer),
  );
  endTestApp();
  return changes;
}

/** A document without what differs from run to run. */
function comparable(document: Document | null): unknown {
  if (document === null) return null;
  const { _id, _creationTime, ...fields } = document;
  return replaceStamps(fields);
}

function replaceStamps(value: unknown): unknown {
  if (value instanceof CommitTsPlaceholder) return "the commit's timestamp";
  if (Array.isArray(value)) return value.map(replaceStamps);
  if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) return value;
  return Object.fromEntries(Object.entries(value).map(([k, item]) => [k, replaceStamps(item)]));
}

const sides = ({ operation, oldDoc, newDoc }: Changes[number]) => [
  operation,
  comparable(oldDoc),
  comparable(newDoc),
];

describe("the writer of a mutation's triggers", () => {
  test("tells an app's own triggers what convex-helpers tells them", async () => {
    const told: Changes = [];
    const triggers = new Triggers<GenericDataModel>();
    triggers.register("things", async (_, change) => void told.push(change));
    const app = startTestApp({ tables, triggers });
    await app.mutation(async (ctx) => await write(ctx.db));
    expect(told.map(sides)).toStrictEqual((await expected()).map(sides));
    expect(told.length).toBeGreaterThan(15);
    for (const { newDoc } of told) if (newDoc) expect(newDoc._creationTime).toBeTypeOf("number");
  });

  test.each([false, true])(
    "tells sources the same, whether they ask for the creation time: %s",
    async (asks) => {
      const told: unknown[] = [];
      const view = defineView("totals", {
        table: totalsTable,
        sources: {
          things: (document: Document) => {
            if (asks) expect(document._creationTime).toBeTypeOf("number");
            const { _id, _creationTime: _, ...fields } = Object.getOwnPropertyDescriptors(document);
            const plain = Object.fromEntries(Object.keys(fields).map((k) => [k, document[k]]));
            told.push(comparable(plain));
            return [{ list: String(document.list) }];
          },
        },
        compute: () => ({ count: 0, sum: 0 }),
      });
      const app = startTestApp({ tables, views: { view } });
      await app.mutation(async (ctx) => await write(ctx.db));
      const both = (await expected()).flatMap(({ oldDoc, newDoc }) => [oldDoc, newDoc]);
      expect(told).toStrictEqual(both.filter((side) => side !== null).map(comparable));
    },
  );

  test("reads nothing back: a trigger that does nothing costs one look before a patch, and none after", async () => {
    const view = defineView("totals", {
      table: totalsTable,
      sources: { things: () => [] },
      compute: () => ({ count: 0, sum: 0 }),
    });
    const app = startTestApp({ tables, views: { view } });
    const read = await app.mutation(async (ctx) => {
      const { insert, patch } = ctx.db as unknown as Record<
        "insert" | "patch",
        (...args: unknown[]) => Promise<unknown>
      >;
      const id = await insert("things", { n: 1 });
      const used = async () => (await ctx.meta.getTransactionMetrics()).documentsRead.used;
      const afterInsert = await used();
      await patch("things", id, { n: 2 });
      return [afterInsert, await used()];
    });
    // Convex's patch looks at the document too.
    expect(read).toEqual([0, 2]);
  });
});
