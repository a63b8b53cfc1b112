import { convexTest } from "convex-test";
import { describe, expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { components } from "../components";
import { api, modules, notebook, schema } from "./fixture";
import { connect, connectHttp, events, follow, runs, start } from "./fixture/setup";
import { Recording } from "./recorder";

const { counters, notebooks } = api;

const NOTEBOOKS = { mine: notebook, "mine/drafts": notebook, yours: notebook };

async function startNotebooks() {
  const backend = await start({ components: NOTEBOOKS });
  return { backend, ...connect(backend) };
}

describe("a subscribed query", () => {
  test("runs again when a component's table that it reads changes", async () => {
    const { client } = await startNotebooks();
    const { values } = follow(client, notebooks.list, { notebook: "mine" });
    await eventually(() => expect(values).toEqual([[]]));
    const id = await client.mutation(notebooks.add, { notebook: "mine", body: "one" });
    await eventually(() => expect(values.at(-1)).toEqual(["one"]));
    await client.mutation(notebooks.edit, { notebook: "mine", id, body: "two" });
    await eventually(() => expect(values.at(-1)).toEqual(["two"]));
  });

  test("depends only on the part of the component's index that it read", async () => {
    const { backend, client } = await startNotebooks();
    const { values } = follow(client, notebooks.list, { notebook: "mine", from: "m" });
    await eventually(() => expect(values).toEqual([[]]));
    await client.mutation(notebooks.add, { notebook: "mine", body: "a" });
    await backend.idle();
    expect(runs(backend, "notebooks:list")).toHaveLength(1);
    await client.mutation(notebooks.add, { notebook: "mine", body: "z" });
    await eventually(() => expect(values.at(-1)).toEqual(["z"]));
  });

  test("ignores tables of the same name elsewhere", async () => {
    const { backend, client } = await startNotebooks();
    const { values } = follow(client, notebooks.list, { notebook: "mine" });
    const own = follow(client, api.messages.notes, { body: "x" });
    await eventually(() => expect([values, own.values]).toMatchObject([[[]], [[]]]));
    await client.mutation(notebooks.add, { notebook: "yours", body: "x" });
    await client.mutation(notebooks.addDraft, { body: "x" });
    await backend.idle();
    expect(runs(backend, "messages:notes")).toHaveLength(1);
    await client.mutation(notebooks.addOwn, { body: "x" });
    await eventually(() => expect(own.values).toHaveLength(2));
    expect(runs(backend, "notebooks:list")).toHaveLength(1);
  });

  test("ignores documents with the same id elsewhere", async () => {
    const { backend, client } = await startNotebooks();
    const id = await client.mutation(notebooks.add, { notebook: "mine", body: "one" });
    expect(await client.mutation(notebooks.add, { notebook: "yours", body: "other" })).toBe(id);
    const { values } = follow(client, notebooks.get, { notebook: "mine", id });
    await eventually(() => expect(values).toEqual(["one"]));
    await client.mutation(notebooks.edit, { notebook: "yours", id, body: "new" });
    await backend.idle();
    expect(runs(backend, "notebooks:get")).toHaveLength(1);
    await client.mutation(notebooks.edit, { notebook: "mine", id, body: "new" });
    await eventually(() => expect(values).toEqual(["one", "new"]));
  });

  test("may run the component's queries while it iterates its own", async () => {
    const { client } = await startNotebooks();
    await client.mutation(notebooks.addOwn, { body: "own" });
    const { values } = follow(client, notebooks.mixed, {});
    await eventually(() => expect(values).toEqual([["own"]]));
    await client.mutation(notebooks.add, { notebook: "mine", body: "one" });
    await eventually(() => expect(values.at(-1)).toEqual(["own", "one"]));
    await client.mutation(notebooks.addOwn, { body: "last" });
    await eventually(() => expect(values.at(-1)).toEqual(["own", "one", "last", "one"]));
  });

  test("follows a component inside the component", async () => {
    const { backend, client } = await startNotebooks();
    const { values } = follow(client, notebooks.listDrafts, {});
    await eventually(() => expect(values).toEqual([[]]));
    await client.mutation(notebooks.add, { notebook: "mine", body: "no draft" });
    await backend.idle();
    expect(runs(backend, "notebooks:listDrafts")).toHaveLength(1);
    await client.mutation(notebooks.addDraft, { body: "draft" });
    await eventually(() => expect(values).toEqual([[], ["draft"]]));
  });
});

describe("what is rolled back", () => {
  test("leaves the component as it was when the mutation fails", async () => {
    const { backend, client } = await startNotebooks();
    const { values } = follow(client, notebooks.list, { notebook: "mine" });
    await eventually(() => expect(values).toEqual([[]]));
    const failing = client.mutation(notebooks.add, { notebook: "mine", body: "x", fail: true });
    await expect(failing).rejects.toThrow("changed my mind");
    await backend.idle();
    expect(runs(backend, "notebooks:list")).toHaveLength(1);
    expect(await client.query(notebooks.list, { notebook: "mine" })).toEqual([]);
  });

  test("leaves the component as it was when only the component fails", async () => {
    const { backend, client } = await startNotebooks();
    const id = await client.mutation(notebooks.add, { notebook: "mine", body: "one" });
    const { values } = follow(client, notebooks.list, { notebook: "mine" });
    const own = follow(client, api.messages.notes, { body: "tried" });
    await eventually(() => expect([values, own.values]).toMatchObject([[["one"]], [[]]]));
    await client.mutation(notebooks.tryEdit, { notebook: "mine", id, body: "x" });
    await eventually(() => expect(own.values).toHaveLength(2));
    expect(runs(backend, "notebooks:list")).toHaveLength(1);
  });
});

describe("a component's function", () => {
  test("runs for an action in a transaction of its own, which subscribers see", async () => {
    const { backend, client } = await startNotebooks();
    const { values } = follow(client, notebooks.list, { notebook: "mine" });
    await eventually(() => expect(values).toEqual([[]]));
    expect(await client.action(notebooks.act, { body: "one" })).toEqual(["one"]);
    await eventually(() => expect(values).toEqual([[], ["one"]]));
    expect(runs(backend, "mine/notes:add")).toMatchObject([
      { caller: "function", udfType: "mutation", args: { body: "one" } },
    ]);
  });

  test("runs when the component or the app has scheduled it", async () => {
    const { backend, client } = await startNotebooks();
    const { values } = follow(client, notebooks.list, { notebook: "mine" });
    await eventually(() => expect(values).toEqual([[]]));
    await client.mutation(notebooks.addLater, { body: "a" });
    await eventually(() => expect(values.at(-1)).toEqual(["a"]));
    await client.mutation(notebooks.scheduleAdd, { body: "b" });
    await eventually(() => expect(values.at(-1)).toEqual(["a", "b"]));
    expect(runs(backend, "mine/notes:addSlowly")).toMatchObject([{ caller: "scheduler" }]);
    expect(runs(backend, "mine/notes:add")).toMatchObject([{ caller: "scheduler" }, { caller: "function" }]);
  });

  test("that cannot start when its time comes is in the trace", async () => {
    const { backend, client } = await startNotebooks();
    await client.mutation(notebooks.addLater, { body: 7 });
    await client.mutation(notebooks.scheduleAdd, { body: 8 });
    await backend.idle();
    const refused = { caller: "scheduler", error: expect.stringContaining("Validator error") };
    expect(runs(backend, "mine/notes:add")).toMatchObject([{ ...refused, udfType: "mutation", args: { body: 7 } }]);
    expect(runs(backend, "mine/notes:addSlowly")).toMatchObject([{ ...refused, udfType: "action", args: { body: 8 } }]);
  });

  test("writes to the log of the request that it is part of", async () => {
    const { backend, client, printed } = await startNotebooks();
    const id = await client.mutation(notebooks.add, { notebook: "mine", body: "one" });
    await client.query(notebooks.get, { notebook: "mine", id });
    const [request] = runs(backend, "notebooks:get");
    expect(events(backend, "console")).toMatchObject([
      { path: "mine/notes:get", message: "'got' 'one'", requestId: request?.requestId },
    ]);
    expect(printed.join()).toContain("'got' 'one'");
  });

  test("cannot be called by a client", async () => {
    const http = connectHttp(await start({ components: NOTEBOOKS }));
    await expect(http.query("mine/notes:list" as never)).rejects.toThrow("Could not find public");
  });
});

describe("the aggregate component", () => {
  test("updates a subscriber of its count", async () => {
    const backend = await start({ components });
    const { client } = connect(backend);
    const { values } = follow(client, counters.count, { game: "chess" });
    await eventually(() => expect(values).toEqual([0]));
    await client.mutation(counters.score, { game: "chess", player: "ann", points: 3 });
    await eventually(() => expect(values).toEqual([0, 1]));
    await client.mutation(counters.score, { game: "go", player: "ann", points: 3 });
    await expect(
      client.mutation(counters.score, { game: "chess", player: "bob", points: 1, fail: true }),
    ).rejects.toThrow("disqualified");
    await backend.idle();
    expect(runs(backend, "counters:count")).toHaveLength(2);
    expect(await client.query(counters.count, { game: "chess" })).toBe(1);
  });

  test("works in the background through a component of its own", async () => {
    const { client } = connect(await start({ components }));
    const { values } = follow(client, counters.count, { game: "chess" });
    await eventually(() => expect(values).toEqual([0]));
    await client.mutation(counters.scoreLater, { game: "chess", player: "ann", points: 3 });
    await eventually(() => expect(values.at(-1)).toBe(1));
  });

  test("can be registered with convex-test", async () => {
    const t = convexTest({ schema, modules });
    for (const [path, component] of Object.entries(components)) {
      t.registerComponent(path, component.schema, component.modules);
    }
    await t.mutation(counters.score, { game: "chess", player: "ann", points: 3 });
    expect(await t.query(counters.count, { game: "chess" })).toBe(1);
  });
});

test("documents of two components count as two, even with the same id", async () => {
  const t = convexTest({ schema, modules });
  for (const path of ["mine", "yours"]) {
    t.registerComponent(path, notebook.schema, notebook.modules);
  }
  const recording = new Recording(schema, NOTEBOOKS);
  await recording.observe(async () => {
    await t.mutation(notebooks.add, { notebook: "mine", body: "one" });
    await t.mutation(notebooks.add, { notebook: "yours", body: "other" });
    await t.query(notebooks.list, { notebook: "mine" });
    await t.query(notebooks.list, { notebook: "yours" });
  });
  expect(recording.usage()).toMatchObject({ documentsRead: 2, documentsWritten: 2 });
});

test("a recording without the component's schema throws when it needs the schema", async () => {
  const t = convexTest({ schema, modules });
  t.registerComponent("mine", notebook.schema, notebook.modules);
  const recording = new Recording(schema);
  await recording.observe(() => t.query(notebooks.list, { notebook: "mine" }));
  expect(recording.usage().indexRanges).toBe(1);
  expect(() => recording.readSet()).toThrow('Component "mine" was read');
});
