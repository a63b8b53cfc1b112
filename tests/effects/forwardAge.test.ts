import { afterEach, describe, expect, test } from "vitest";
import { effectsIn } from "../nodeSeals.js";
import { endTestApp, type MutationCtx } from "../testApp.js";
import { start } from "./clientApp.js";

afterEach(endTestApp);

const MINUTE = 60_000;

describe("an effect that is no recompute", () => {
  test.each([
    ["after 58 minutes", 58 * MINUTE, 1],
    ["an hour later", 60 * MINUTE, 0],
    ["a year later", 365 * 24 * 60 * MINUTE, 0],
  ])("is forwarded %s: %s ms, %s started", async (_, ms, started) => {
    const app = start();
    const { once } = await app.marked("fields");
    await app.advance(ms);
    expect(await app.forward(once)).toMatchObject({ dispatched: started });
    await app.advance();
    expect(await app.noted()).toHaveLength(started);
  });

  test("is raised anew by a query that runs again, whatever else is forwarded", async () => {
    const app = start();
    const old = await app.marked("fields");
    await app.advance(61 * MINUTE);
    const fresh = await app.marked("fields");
    expect(await app.forward([...old.once, ...fresh.once])).toMatchObject({ dispatched: 1 });
  });

  test("has one seal for all that read it in the same minute, and another one later", async () => {
    const app = start();
    const first = await app.marked("fields");
    await app.advance(MINUTE - 1);
    expect(await app.marked("fields")).toEqual(first);
    await app.advance(1);
    expect(await app.marked("fields")).not.toEqual(first);
  });

  test("is not forwarded from a line of the logs", async () => {
    const app = start(["logStream", "client"]);
    const { messages } = await app.testing.collect(() => app.call("fields"));
    const lines = messages.map((message) => message.slice(1, -1));
    expect(lines.flatMap((line) => effectsIn(line))).toHaveLength(1);
    expect(await app.forward(lines)).toMatchObject({ dispatched: 0 });
    await app.testing.deliver(messages);
    await app.advance(1_000);
    expect(await app.noted()).toEqual(["read"]);
  });

  test("says nothing of time to a function that runs its query, nor in the logs", async () => {
    const app = start(["logStream", "client"]);
    const { effects } = await app.testing.collect(() => app.call("fields"));
    expect(effects).toMatchObject([{ target: "notes:note" }]);
    expect(effects[0]?.raisedAt).toBeUndefined();
  });
});

test("a recompute may be forwarded whenever its row is still what the reader saw", async () => {
  const app = start();
  const read = () => app.marked("totals", { list: "a" });
  const { seals } = await read();
  await app.advance(365 * 24 * 60 * MINUTE);
  expect(await app.forward(seals)).toMatchObject({ dispatched: 1 });
  await app.advance(60 * MINUTE);
  expect(await app.forward(seals)).toMatchObject({ dispatched: 0, superseded: 1 });
  await app.mutation((ctx: MutationCtx) => app.totals.invalidate(ctx, { list: "a" }));
  expect(await app.forward(seals)).toMatchObject({ dispatched: 0, superseded: 1 });
});
