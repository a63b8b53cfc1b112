import { randomBytes } from "node:crypto";
import { ConvexClient } from "convex/browser";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../eventually";
import { appFolder, commandLine, type ShopBackend, startShop, variablesOf } from "./commandLine";
import { startCommand } from "./longRunning";
import { api } from "./shop";

const SEAL_SECRET = randomBytes(32).toString("hex");
const STREAM_SECRET = randomBytes(32).toString("hex");
const ENV = { LAZY_VIEWS_SECRET: SEAL_SECRET, LAZY_VIEWS_STREAM_SECRET: STREAM_SECRET };

/** An official client, which reconnects by itself. */
function connect({ url }: ShopBackend): ConvexClient {
  const client = new ConvexClient(url, { logger: false });
  onTestFinished(() => client.close());
  return client;
}

/** Subscribes a new client to a customer's total. @returns The values that it receives, as they come. */
function follow(backend: ShopBackend, customer: string): unknown[] {
  const client = connect(backend);
  const values: unknown[] = [];
  client.onUpdate(api.orders.total, { customer }, (value) => values.push(value));
  return values;
}

/** Whether a customer's total is stored, and nothing has made it stale since. */
async function isStored({ run }: ShopBackend, customer: string): Promise<boolean> {
  const rows = await run((ctx) => ctx.db.query("customerTotals").collect());
  return rows.some(({ args, dirtyAt }) => args.customer === customer && dirtyAt === undefined);
}

const all = (value: object) => Array(5).fill(value);

describe("relay", () => {
  test("carries the effects of five subscribers, also after a restart, with a key that may only view logs", async () => {
    const backend = await startShop({ env: ENV });
    const relay = startCommand(
      await appFolder(),
      { LAZY_VIEWS_LOG_KEY: backend.logKey, LAZY_VIEWS_STREAM_SECRET: STREAM_SECRET },
      ...["relay", "--url", backend.url, "--verbose"],
    );
    await eventually(() => expect(relay.stderr).toContain("Relaying effects"));
    const subscribers = Array.from({ length: 5 }, () => follow(backend, "ada"));
    const writer = connect(backend);
    const shown = () => subscribers.map((values) => values.at(-1));
    await eventually(() => expect(shown()).toEqual(all({ orders: 0, amount: 0 })));
    await eventually(async () => {
      // A relay that starts late does not deliver effects that were raised long before.
      await writer.query(api.orders.total, { customer: "ada" });
      expect(await isStored(backend, "ada")).toBe(true);
    });
    await writer.mutation(api.orders.add, { customer: "ada", amount: 3 });
    await eventually(() => expect(shown()).toEqual(all({ orders: 1, amount: 3 })));
    expect(relay.stdout).toMatch(/ 200 in \d+ ms: 1 line, 1 effect, 1 dispatched/);
    // The backend has a new log now, and its clients reconnect.
    await backend.restart();
    await writer.mutation(api.orders.add, { customer: "ada", amount: 4 });
    await eventually(() => expect(shown()).toEqual(all({ orders: 2, amount: 7 })));
    expect(await relay.stop("SIGINT")).toBe(0);
    const written = relay.stdout + relay.stderr;
    for (const secret of [SEAL_SECRET, STREAM_SECRET, backend.logKey]) expect(written).not.toContain(secret);
  });

  test.each([
    [
      "the deployment has no secret that signs",
      {},
      'npx convex env set LAZY_VIEWS_STREAM_SECRET "$(openssl rand -hex 32)"',
    ],
    ["the key is wrong", { CONVEX_SELF_HOSTED_ADMIN_KEY: "shop|0123" }, "The key is wrong, or of another deployment."],
  ])("ends at once with the remedy when %s", async (_, env, remedy) => {
    const backend = await startShop({ env: { LAZY_VIEWS_SECRET: SEAL_SECRET } });
    const { code, stdout, stderr } = await commandLine(await appFolder(), { ...variablesOf(backend), ...env }, "relay");
    expect(stderr).toContain(remedy);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });

  test("says where the secret comes from, with a key that may only view logs", async () => {
    const { url, logKey } = await startShop({ env: ENV });
    const { code, stderr } = await commandLine(
      await appFolder(),
      { LAZY_VIEWS_LOG_KEY: logKey },
      "relay",
      "--url",
      url,
    );
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("npx convex env get LAZY_VIEWS_STREAM_SECRET"),
    });
  });
});
