import { expect, onTestFinished, test, vi } from "vitest";
import { eventually } from "../../tests/eventually";
import { api, modules, schema } from "./fixture";
import { connect, connectHttp, events, follow, runs, start } from "./fixture/setup";
import { startBackend } from "./index";

test("a scheduled function is a request of its own, and is seen by subscribers", async () => {
  const backend = await start();
  const { client } = connect(backend);
  const { values } = follow(client, api.messages.list, { channel: "later" });
  await eventually(() => expect(values).toHaveLength(1));
  await client.mutation(api.messages.sendLater, { text: "x", delayMs: 0 });
  await eventually(() => expect(values.at(-1)).toEqual(["x"]));
  const [scheduling] = runs(backend, "messages:sendLater");
  const [scheduled] = runs(backend, "messages:deliver");
  expect(scheduled).toMatchObject({
    caller: "scheduler",
    args: { text: "x" },
    udfType: "mutation",
  });
  expect(scheduled?.requestId).not.toBe(scheduling?.requestId);
});

test("a function that an action schedules is no part of the action", async () => {
  const backend = await start();
  await connectHttp(backend).action(api.logging.act, {});
  await backend.idle();
  expect(runs(backend, "logging:levels")).toMatchObject([{ caller: "scheduler" }]);
  expect(runs(backend, "messages:send")).toMatchObject([{ caller: "function" }]);
  expect(runs(backend, "logging:act")).toMatchObject([{ caller: "http", result: 1 }]);
});

test("a scheduled function that fails is in the trace, not on the terminal", async () => {
  const print = vi.spyOn(process.stderr, "write");
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.messages.sendLater, { text: "fail", delayMs: 0 });
  await http.mutation(api.messages.scheduleWrongly, {});
  await backend.idle();
  expect(runs(backend, "messages:deliver")).toMatchObject([
    { caller: "scheduler", error: "Uncaught Error: undeliverable" },
    { caller: "scheduler", error: expect.stringContaining("Validator error"), args: { text: 1 } },
  ]);
  expect(print).not.toHaveBeenCalled();
  print.mockRestore();
});

test("idle waits only for scheduled functions that are due", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.messages.sendLater, { text: "soon", delayMs: 0 });
  await http.mutation(api.messages.sendLater, { text: "never", delayMs: 3_600_000 });
  await backend.idle();
  expect(await http.query(api.messages.list, { channel: "later" })).toEqual(["soon"]);
});

test("idle waits for scheduled functions that are running", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await http.mutation(api.logging.sendSlowlyLater, {});
  await backend.idle();
  expect(runs(backend, "logging:sendSlowly")).toMatchObject([{ caller: "scheduler" }]);
  expect(await http.query(api.messages.list, { channel: "slow" })).toEqual(["x"]);
});

test("a backend that closed runs nothing", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const backend = await startBackend({ schema, modules });
  const http = connectHttp(backend);
  for (const text of ["in time", "too late"]) {
    await http.mutation(api.messages.sendLater, { text, delayMs: text === "in time" ? 10 : 1_000 });
  }
  vi.advanceTimersByTime(10);
  await eventually(() => expect(runs(backend, "messages:deliver")).toHaveLength(1));
  await backend.close();
  vi.advanceTimersByTime(2_000);
  for (let turn = 0; turn < 10; turn++) await backend.run(async () => {});
  expect(runs(backend, "messages:deliver")).toHaveLength(1);
  await expect(http.query(api.logging.environment, {})).rejects.toThrow("fetch failed");
});

test("the environment is the deployment's while the backend lives", async () => {
  process.env.FIXTURE_WORD = "before";
  const backend = await startBackend({ schema, modules, env: { FIXTURE_WORD: "during" } });
  expect(process.env.CONVEX_SITE_URL).toBe(backend.siteUrl);
  expect(await connectHttp(backend).query(api.logging.environment, {})).toBe("during");
  await backend.close();
  expect(process.env.FIXTURE_WORD).toBe("before");
  expect(process.env.CONVEX_SITE_URL).toBeUndefined();
});

test("run has full access to the database, and subscribers see its writes", async () => {
  const backend = await start();
  const { client } = connect(backend);
  const { values } = follow(client, api.messages.list, { channel: "a" });
  await eventually(() => expect(values).toHaveLength(1));
  const id = await backend.run((ctx) => ctx.db.insert("messages", { channel: "a", text: "x", rank: 0 }));
  await eventually(() => expect(values.at(-1)).toEqual(["x"]));
  expect(await backend.run((ctx) => ctx.db.get(id))).toMatchObject({ text: "x" });
});

test("many scheduled functions and clients at once come to rest", async () => {
  const backend = await start();
  const http = connectHttp(backend);
  await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      http.mutation(api.messages.sendLater, { text: String(i), delayMs: i % 7 }, { skipQueue: true }),
    ),
  );
  await eventually(async () => {
    await backend.idle();
    expect(await http.query(api.messages.list, { channel: "later" })).toHaveLength(100);
  });
  const running = events(backend, "execution").filter(({ error }) => error !== undefined);
  expect(running).toEqual([]);
});

test("the first mutation has a snapshot with a time, as in a deployment that was written to before", async () => {
  const backend = await start();
  expect(await connectHttp(backend).mutation(api.metrics.snapshotTs, {})).toBeGreaterThan(0n);
});
