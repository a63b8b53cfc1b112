import { convexTest } from "convex-test";
import { expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { api, modules, notebook, schema } from "./fixture";
import { connect, connectHttp, follow, start } from "./fixture/setup";

const { messages, metrics } = api;

async function startWithMessages() {
  const backend = await start({ components: { mine: notebook } });
  const http = connectHttp(backend);
  for (const channel of ["a", "a", "b", "b"]) await http.mutation(messages.send, { channel, text: "x" });
  await http.mutation(api.notebooks.add, { notebook: "mine", body: "note" });
  return { backend, http };
}

/** The metrics that convex-test counts without the backend. */
async function alone() {
  const t = convexTest({ schema, modules });
  t.registerComponent("mine", notebook.schema, notebook.modules);
  for (const channel of ["a", "a", "b", "b"]) await t.mutation(messages.send, { channel, text: "x" });
  await t.mutation(api.notebooks.add, { notebook: "mine", body: "note" });
  return t;
}

test("the first document of an index range is one document read", async () => {
  const { http } = await startWithMessages();
  const counted = await http.query(metrics.first, { channel: "a" });
  expect(counted).toMatchObject({ documentsRead: 1, databaseQueries: 1, documentsWritten: 0 });
});

test("what a query's own queries read is counted", async () => {
  const { http } = await startWithMessages();
  const counted = await http.query(metrics.nested, { channel: "a" });
  expect(counted).toMatchObject({ documentsRead: 2, databaseQueries: 2 });
});

test("what queries of the same client read before is not counted", async () => {
  const { backend } = await startWithMessages();
  const { client } = connect(backend);
  const { values } = follow(client, metrics.first, { channel: "a" });
  const others = follow(client, metrics.first, { channel: "b" });
  await eventually(() => expect([values.length, others.values.length]).toEqual([1, 1]));
  expect(values[0]).toMatchObject({ documentsRead: 1, databaseQueries: 1 });
  expect(others.values[0]).toEqual(values[0]);
});

test("a mutation's metrics are those of convex-test alone", async () => {
  const { http } = await startWithMessages();
  const expected = await (await alone()).mutation(metrics.write, { channel: "a" });
  expect(expected.documentsWritten).toBe(4);
  expect(await http.mutation(metrics.write, { channel: "a" })).toEqual(expected);
});
