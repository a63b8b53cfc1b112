import type { FunctionArgs, FunctionReference } from "convex/server";
import type { GenericId as Id } from "convex/values";
import { describe, expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { api } from "./fixture";
import { connect, events, follow, runs, start } from "./fixture/setup";

/** Subscribes, calls `write`, and returns whether the subscription ran again. */
async function rerunsAfter<Query extends FunctionReference<"query">>(
  path: string,
  query: Query,
  args: FunctionArgs<Query>,
  write: (client: ReturnType<typeof connect>["client"], ids: Id<"messages">[]) => Promise<unknown>,
  after?: (ids: Id<"messages">[]) => FunctionArgs<Query>,
): Promise<boolean> {
  const backend = await start();
  const { client } = connect(backend);
  const ids: Id<"messages">[] = [];
  for (const rank of [10, 20, 30]) {
    ids.push(await client.mutation(api.messages.send, { channel: "a", text: `r${rank}`, rank }));
  }
  const { values } = follow(client, query, after?.(ids) ?? args);
  await eventually(() => expect(values).toHaveLength(1));
  expect(values[0]).not.toBeInstanceOf(Error);
  await write(client, ids);
  await backend.idle();
  return runs(backend, path).length > 1;
}

const { messages } = api;

describe("an index range", () => {
  const list = (write: Parameters<typeof rerunsAfter>[3]) =>
    rerunsAfter("messages:list", messages.list, { channel: "a" }, write);

  test("has a document inserted", async () => {
    expect(await list((c) => c.mutation(messages.send, { channel: "a", text: "x" }))).toBe(true);
  });
  test("has none inserted", async () => {
    expect(await list((c) => c.mutation(messages.send, { channel: "b", text: "x" }))).toBe(false);
  });
  test("loses a document to another range", async () => {
    const write = list((c, [id]) => c.mutation(messages.move, { id: id as never, channel: "b" }));
    expect(await write).toBe(true);
  });
  test("has a document deleted", async () => {
    expect(await list((c, [id]) => c.mutation(messages.remove, { id: id as never }))).toBe(true);
  });
  test("has a document changed", async () => {
    const write = list((c, [id]) => c.mutation(messages.edit, { id: id as never, text: "new" }));
    expect(await write).toBe(true);
  });
  test("has a document written as it was", async () => {
    const write = list((c, [id]) => c.mutation(messages.edit, { id: id as never, text: "r10" }));
    expect(await write).toBe(false);
  });
  test("has a document changed by a sub-mutation that fails", async () => {
    const write = list((c, [id]) => c.mutation(messages.trySend, { id: id as never }));
    expect(await write).toBe(false);
  });
  test("has a document changed by a mutation that fails", async () => {
    expect(await list((c) => c.mutation(messages.refuse, {}).catch(() => {}))).toBe(false);
  });
  test("has a document changed by a mutation whose result cannot be sent", async () => {
    const write = list((c) => expect(c.mutation(messages.returnDate, {})).rejects.toThrow("not a supported Convex"));
    expect(await write).toBe(false);
  });
});

describe("the bounds of a range", () => {
  test.each([
    [14, false],
    [15, true],
    [24, true],
    [25, false],
  ])("rank %d is inside: %s", async (rank, inside) => {
    const reran = await rerunsAfter("messages:ranked", messages.ranked, { channel: "a", from: 15, to: 25 }, (client) =>
      client.mutation(messages.send, { channel: "a", text: "x", rank }),
    );
    expect(reran).toBe(inside);
  });
});

describe("a range that is read in part", () => {
  test.each([
    [5, 1, false],
    [25, 1, false],
    [35, 1, true],
    [25, 2, true],
    [15, 2, false],
    [5, 4, true],
  ])("rank %d is among the first documents when %d are taken: %s", async (rank, count, inside) => {
    const reran = await rerunsAfter("messages:top", messages.top, { channel: "a", count }, (client) =>
      client.mutation(messages.send, { channel: "a", text: "x", rank }),
    );
    expect(reran).toBe(inside);
  });
});

describe("a page", () => {
  test("ends with its last document", async () => {
    const page = (write: Parameters<typeof rerunsAfter>[3]) =>
      rerunsAfter("messages:page", messages.page, { cursor: null, count: 2 }, write);
    const edit = (i: number) => page((c, ids) => c.mutation(messages.remove, { id: ids[i] as never }));
    expect(await edit(1)).toBe(true);
    expect(await edit(2)).toBe(false);
  });

  test("starts behind the page before it, and the last one has no end", async () => {
    const backend = await start();
    const { client } = connect(backend);
    for (const rank of [1, 2, 3]) {
      await client.mutation(messages.send, { channel: "a", text: String(rank), rank });
    }
    const first = await client.query(messages.page, { cursor: null, count: 2 });
    const { values } = follow(client, messages.page, { cursor: first.continueCursor, count: 2 });
    await eventually(() => expect(values).toHaveLength(1));
    const before = runs(backend, "messages:page").length;
    await client.mutation(messages.edit, { id: first.page[0]?._id as never, text: "new" });
    await backend.idle();
    expect(runs(backend, "messages:page")).toHaveLength(before);
    await client.mutation(messages.send, { channel: "b", text: "x" });
    await eventually(() => expect(runs(backend, "messages:page")).toHaveLength(before + 1));
  });
});

describe("other reads", () => {
  test("a document by its id", async () => {
    const get = (i: number) =>
      rerunsAfter(
        "messages:get",
        messages.get,
        { id: "" as never },
        (c, ids) => c.mutation(messages.edit, { id: ids[i] as never, text: "new" }),
        ([id]) => ({ id: id as never }),
      );
    expect(await get(0)).toBe(true);
    expect(await get(1)).toBe(false);
  });

  test("a search follows documents that come to match it, and that no longer do", async () => {
    const { client } = connect(await start());
    const { values } = follow(client, messages.find, { text: "blue" });
    await eventually(() => expect(values).toEqual([[]]));
    const id = await client.mutation(messages.send, { channel: "a", text: "Blue moon" });
    await eventually(() => expect(values.at(-1)).toEqual(["Blue moon"]));
    await client.mutation(messages.edit, { id, text: "blue Sunday" });
    await eventually(() => expect(values.at(-1)).toEqual(["blue Sunday"]));
    await client.mutation(messages.edit, { id, text: "red" });
    await eventually(() => expect(values.at(-1)).toEqual([]));
    await client.mutation(messages.edit, { id, text: "blue again" });
    await eventually(() => expect(values.at(-1)).toEqual(["blue again"]));
    await client.mutation(messages.remove, { id });
    await eventually(() => expect(values.at(-1)).toEqual([]));
  });

  test("a search that reached its limit depends on its whole table", async () => {
    const { client } = connect(await start());
    const ids = [];
    for (const text of ["blue 1", "blue 2", "blue 3"]) {
      ids.push(await client.mutation(messages.send, { channel: "a", text }));
    }
    const { values } = follow(client, messages.find, { text: "blue" });
    await eventually(() => expect(values).toEqual([["blue 1", "blue 2"]]));
    await client.mutation(messages.remove, { id: ids[0] as never });
    await eventually(() => expect(values.at(-1)).toEqual(["blue 2", "blue 3"]));
    await client.mutation(messages.edit, { id: ids[2] as never, text: "red 3" });
    await eventually(() => expect(values.at(-1)).toEqual(["blue 2"]));
  });

  test("a filter does not narrow what is read", async () => {
    const backend = await start();
    const { client } = connect(backend);
    const { values } = follow(client, messages.notes, { body: "wanted" });
    await eventually(() => expect(values).toHaveLength(1));
    await backend.run((ctx) => ctx.db.insert("notes", { body: "other" }));
    await eventually(() => expect(runs(backend, "messages:notes")).toHaveLength(2));
  });

  test("a commit timestamp falls into the range that its value falls into", async () => {
    const range = { after: 0n, upTo: 2n ** 62n };
    const reran = await rerunsAfter("messages:seen", messages.seen, range, (c, [id]) =>
      c.mutation(messages.see, { id: id as never }),
    );
    expect(reran).toBe(true);
  });

  test("a query that another query runs is part of its reads", async () => {
    const backend = await start();
    const { client } = connect(backend);
    const { values } = follow(client, api.logging.outer, { channel: "a" });
    await eventually(() => expect(values).toEqual([0]));
    await client.mutation(messages.send, { channel: "a", text: "x" });
    await eventually(() => expect(values).toEqual([0, 1]));
    const nested = events(backend, "execution").filter(({ caller }) => caller === "function");
    expect(nested.map(({ path }) => path)).toEqual(["logging:count", "logging:count"]);
  });
});
