import { expect, test } from "vitest";
import { eventually } from "../../tests/eventually";
import { Activity } from "./activity";
import { Environment } from "./environment";
import { newEntry } from "./execution";
import { api, modules, schema } from "./fixture";
import { connect, connectHttp, events, follow, runs, start } from "./fixture/setup";
import { FunctionLog } from "./functionLog/log";
import { LogStreams } from "./logStream/streams";
import { type QueryHolder, QueryRunner } from "./queries";
import { Reporter } from "./reporter";
import { Runtime } from "./runtime";
import { Trace } from "./trace";

const counted = (event: { path: string }) => event.path === "logging:count";

test("the first of many subscribers runs a query, the others get its result and its console lines", async () => {
  const backend = await start();
  const followers = Array.from({ length: 5 }, () =>
    follow(connect(backend).client, api.logging.count, { channel: "a" }),
  );
  const everyoneSaw = (n: number) =>
    eventually(() => expect(followers.map(({ values }) => values.at(-1))).toEqual(Array(5).fill(n)));
  await everyoneSaw(0);
  await connectHttp(backend).mutation(api.messages.send, { channel: "a", text: "x" });
  await everyoneSaw(1);
  expect(runs(backend, "logging:count")).toHaveLength(2);
  const lines = events(backend, "console").filter(counted);
  expect(lines.filter(({ cached }) => !cached)).toHaveLength(2);
  expect(lines.filter(({ cached }) => cached)).toHaveLength(8);
  expect(new Set(lines.map(({ requestId }) => requestId)).size).toBe(10);
  const answered = events(backend, "execution").filter(counted);
  expect(answered.filter(({ cached }) => cached)).toHaveLength(8);
});

test("HTTP callers are served from the cache until something they read changes", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  const count = () => http.query(api.logging.count, { channel: "a" });
  expect([await count(), await count()]).toEqual([0, 0]);
  expect(runs(backend, "logging:count")).toHaveLength(1);
  await http.mutation(api.messages.send, { channel: "b", text: "x" });
  expect(await count()).toBe(0);
  expect(runs(backend, "logging:count")).toHaveLength(1);
  await http.mutation(api.messages.send, { channel: "a", text: "x" });
  expect(await count()).toBe(1);
  expect(runs(backend, "logging:count")).toHaveLength(2);
});

test("other arguments are another result", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.messages.send, { channel: "a", text: "x" });
  expect(await http.query(api.logging.count, { channel: "a" })).toBe(1);
  expect(await http.query(api.logging.count, { channel: "b" })).toBe(0);
});

test("errors are not served from the cache", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  for (let i = 0; i < 2; i++) {
    await expect(http.query(api.messages.crash, { channel: "a" })).rejects.toThrow("boom");
  }
  expect(runs(backend, "messages:crash")).toHaveLength(2);
});

test("a consistent reader gets one time, or an error when that time is gone", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  expect(await http.query(api.messages.list, { channel: "a" })).toEqual([]);
  expect(await http.consistentQuery(api.messages.list, { channel: "a" })).toEqual([]);
  await http.mutation(api.messages.send, { channel: "b", text: "x" });
  expect(await http.consistentQuery(api.messages.list, { channel: "a" })).toEqual([]);
  await http.mutation(api.messages.send, { channel: "a", text: "x" });
  await expect(http.consistentQuery(api.messages.list, { channel: "a" })).rejects.toThrow("TimestampOutOfRange");
});

test("a result has a timestamp at which its data were stored", async () => {
  const activity = new Activity();
  const outside = (work: () => void) => work();
  const trace = new Trace(outside);
  const reporter = new Reporter(trace, new FunctionLog(), new LogStreams(trace, activity, outside));
  const runtime = new Runtime(schema, modules, {}, new Environment(), reporter, activity);
  const queries = new QueryRunner(runtime, reporter);
  const holder = { path: "messages:list", args: { channel: "a" }, result: null } as QueryHolder;
  const send = { path: "messages:send", args: { channel: "a", text: "x" } };
  await runtime.call("mutation", send, newEntry("client"));
  const entry = newEntry("client");
  const calling = runtime.call("mutation", send, entry);
  while (entry.execution === null) await Promise.resolve();
  const [answer, ts] = await Promise.all([calling, queries.refresh([holder], "client")]);
  expect(holder.result?.outcome).toEqual({ success: true, value: ["x", "x"] });
  expect(ts).toBeGreaterThanOrEqual(answer.ts);
});
