import { randomBytes } from "node:crypto";
import { ConvexHttpClient } from "convex/browser";
import { describe, expect, test } from "vitest";
import { eventually } from "../eventually";
import { appFolder, commandLine, type ShopBackend, startShop, variablesOf } from "./commandLine";
import { startCommand } from "./longRunning";
import { api } from "./shop";

const SEAL_SECRET = randomBytes(32).toString("hex");
const STREAM_SECRET = randomBytes(32).toString("hex");
const ENV = { LAZY_VIEWS_SECRET: SEAL_SECRET, LAZY_VIEWS_STREAM_SECRET: STREAM_SECRET };

/** Starts a shop with a stale row whose effects no transport carries. */
async function startWithStaleRow(): Promise<ShopBackend> {
  const backend = await startShop({ env: ENV });
  const client = new ConvexHttpClient(backend.url, { logger: false });
  await client.mutation(api.orders.add, { customer: "ada", amount: 1 });
  await client.mutation(api.orders.refresh, { customer: "ada" });
  await client.mutation(api.orders.add, { customer: "ada", amount: 3 });
  return backend;
}

const why = async (backend: ShopBackend, ...args: string[]) =>
  await commandLine(await appFolder(), variablesOf(backend), "why", ...args);

describe("why", () => {
  test("prints what made a row stale, and that the row waits for a reader", async () => {
    const backend = await startWithStaleRow();
    const { code, stdout, stderr } = await why(backend, "customerTotals", "customer=ada");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^customerTotals {"customer":"ada"} is stale, computed .* ago by version 1, from orders\.\n/,
    );
    expect(stdout).toMatch(
      / recompute +orders:refresh computed the value and committed it, in .*, reading \d+ documents?\.\n/,
    );
    expect(stdout).toMatch(/ write +The mutation orders:add wrote: insert into orders\.\n/);
    expect(stdout).toMatch(/ mark +It marked the row/);
    expect(stdout).toMatch(/\n {2}now {2}It has waited for a reader since /);
    expect(stdout + stderr).not.toContain(SEAL_SECRET);
  });

  test("prints one object with --json, which has the effects of this row only", async () => {
    const backend = await startWithStaleRow();
    const client = new ConvexHttpClient(backend.url, { logger: false });
    await client.query(api.orders.total, { customer: "bob" });
    await client.query(api.orders.total, { customer: "ada" });
    const { stdout } = await why(backend, "customerTotals", '{"customer":"ada"}', "--json", "--module", "lazy");
    const told = JSON.parse(stdout) as { story: { step: string; text: string }[] };
    expect(told).toMatchObject({
      view: "customerTotals",
      key: { customer: "ada" },
      row: { state: "stale", marked: { by: "insert into orders" } },
      effectsAreOpened: true,
      waits: [expect.stringMatching(/^It waits for the effect to be dispatched/)],
    });
    expect(told.story.map(({ step }) => step)).toEqual(["recompute", "write", "mark", "read", "effect"]);
    expect(told.story.at(-1)?.text).toBe("It raised the row's recompute.");
  });

  test("goes on until the row is fresh, with --follow", async () => {
    const backend = await startWithStaleRow();
    const told = startCommand(
      await appFolder(),
      variablesOf(backend),
      "why",
      "customerTotals",
      "customer=ada",
      ...["--follow", "--module", "lazy"],
    );
    await eventually(() => expect(told.stdout).toContain("It has waited for a reader"));
    const client = new ConvexHttpClient(backend.url, { logger: false });
    const read = () => client.query(api.orders.total, { customer: "ada" });
    await read();
    await eventually(() => expect(told.stdout).toContain("The query orders:total read the row"));
    startCommand(await appFolder(), { ...variablesOf(backend), LAZY_VIEWS_STREAM_SECRET: STREAM_SECRET }, "relay");
    // The relay does not deliver effects that were raised long before it started.
    await eventually(async () => expect(await read()).toEqual({ orders: 2, amount: 4 }));
    expect(await told.ended).toBe(0);
    const steps = [...told.stdout.matchAll(/^ {2}[\d:.]+ .{8} {2}(\w+) /gm)].map(([, step]) => step);
    expect(steps).toEqual(["recompute", "write", "mark", "read", "effect", "dispatch", "recompute", "fresh"]);
    expect(told.stdout).toMatch(/ lazy:recompute computed the value and committed it/);
    expect(told.stdout).toMatch(
      / fresh +The row is fresh, .* after the write\.\n {2}now {2}It waits for nothing: the row is fresh\.\n$/,
    );
  });

  test.each([
    [["customerTotal", "customer=ada"], 'there is no view "customerTotal"; the views are customerTotals'],
    [["customerTotals", "client=ada"], 'view "customerTotals": key.'],
    [["customerTotals", "ada"], '"ada" is not a part of a key.'],
  ])("says what is wrong with %j", async (args, message) => {
    const { code, stdout, stderr } = await why(await startShop({ env: ENV }), ...args, "--module", "lazy");
    expect(stderr).toContain(message);
    expect(stderr).not.toContain(" at ");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });
});
