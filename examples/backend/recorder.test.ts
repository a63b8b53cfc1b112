import { convexTest } from "convex-test";
import { expect, test } from "vitest";
import { api, modules, schema } from "./fixture";
import { Recording } from "./recorder";

function setup() {
  return convexTest({ schema, modules });
}

test("counts what is read, each document once", async () => {
  const t = setup();
  const id = await t.mutation(api.messages.send, { channel: "a", text: "one" });
  await t.mutation(api.messages.send, { channel: "a", text: "two" });
  const recording = new Recording(schema);
  await recording.observe(async () => {
    await t.query(api.messages.list, { channel: "a" });
    await t.query(api.messages.get, { id });
    await t.query(api.messages.page, { cursor: null, count: 1 });
  });
  const usage = recording.usage();
  expect(usage).toMatchObject({ documentsRead: 2, documentsWritten: 0, indexRanges: 3 });
  expect(usage.bytesRead).toBeGreaterThan(100);
});

test("counts what is written, each document once", async () => {
  const t = setup();
  const id = await t.mutation(api.messages.send, { channel: "a", text: "one" });
  const recording = new Recording(schema);
  await recording.observe(async () => {
    await t.mutation(api.messages.edit, { id, text: "short" });
    await t.mutation(api.messages.edit, { id, text: "a much longer text" });
    await t.mutation(api.messages.sendBoth, { text: "x" });
  });
  expect(recording.usage()).toMatchObject({ documentsWritten: 3, documentsRead: 0 });
  expect(recording.usage().bytesWritten).toBeGreaterThan(3 * 60);
});

test("lists the changes of a transaction", async () => {
  const t = setup();
  const kept = await t.mutation(api.messages.send, { channel: "a", text: "kept" });
  const gone = await t.mutation(api.messages.send, { channel: "a", text: "gone" });
  const recording = new Recording(schema);
  const changes = await t.run((ctx) =>
    recording.observe(async () => {
      await ctx.db.patch(kept, { text: "kept" });
      await Promise.all([ctx.db.patch(kept, { text: "between" }), ctx.db.patch(kept, { text: "changed" })]);
      await ctx.db.delete(gone);
      const passing = await ctx.db.insert("notes", { body: "x" });
      await ctx.db.delete(passing);
      return (await recording.changes()).map(({ table, before, after }) => ({
        table,
        before: before?.text ?? null,
        after: after?.text ?? null,
      }));
    }),
  );
  expect(changes).toEqual([
    { table: "messages", before: "kept", after: "changed" },
    { table: "messages", before: "gone", after: null },
  ]);
});

test("a read of a stale snapshot counts, but makes no dependency", async () => {
  const t = setup();
  await t.mutation(api.messages.send, { channel: "a", text: "one" });
  const change = {
    id: "x",
    table: "messages",
    before: null,
    after: { _id: "x", _creationTime: 0, channel: "a", rank: 0, text: "" },
  };
  const stale = new Recording(schema);
  expect(await stale.observe(() => t.mutation(api.messages.peek, { channel: "a" }))).toBe(1);
  expect(stale.usage().documentsRead).toBe(1);
  expect(stale.readSet().intersects([change])).toBe(false);
  const fresh = new Recording(schema);
  await fresh.observe(() => t.query(api.messages.list, { channel: "a" }));
  expect(fresh.readSet().intersects([change])).toBe(true);
});

test("a scheduled function is not part of the function that scheduled it", async () => {
  const t = setup();
  const recording = new Recording(schema);
  await recording.observe(() => t.mutation(api.messages.sendLater, { text: "x", delayMs: 0 }));
  await t.finishAllScheduledFunctions(() => {});
  expect(await t.query(api.messages.list, { channel: "later" })).toEqual(["x"]);
  expect(recording.usage().documentsWritten).toBe(0);
});

test("lists the app's documents that were met, each as it was left", async () => {
  const t = setup();
  const id = await t.mutation(api.messages.send, { channel: "a", text: "one" });
  await t.mutation(api.messages.send, { channel: "a", text: "two" });
  const recording = new Recording(schema);
  await recording.observe(async () => {
    await t.query(api.messages.list, { channel: "a" });
    await t.mutation(api.messages.edit, { id, text: "changed" });
  });
  const met = recording.documents().map(({ table, document, written }) => [table, document().text, written]);
  expect(met).toEqual([
    ["messages", "changed", true],
    ["messages", "two", false],
  ]);
});
