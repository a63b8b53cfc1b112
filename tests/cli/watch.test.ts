import { randomBytes } from "node:crypto";
import { ConvexHttpClient } from "convex/browser";
import { describe, expect, test } from "vitest";
import { eventually } from "../eventually";
import { appFolder, commandLine, startShop, variablesOf } from "./commandLine";
import { startCommand } from "./longRunning";
import { api } from "./shop";

const STREAM_SECRET = randomBytes(32).toString("hex");
const ENV = { LAZY_VIEWS_SECRET: randomBytes(32).toString("hex"), LAZY_VIEWS_STREAM_SECRET: STREAM_SECRET };
const STREAM = { path: "/lazy-views/effects", secret: STREAM_SECRET, intervalMs: 10 };

describe("watch", () => {
  test("prints a line each time without a terminal, until it is stopped", async () => {
    const backend = await startShop({ env: ENV, logStream: STREAM });
    const client = new ConvexHttpClient(backend.url, { logger: false });
    const watch = startCommand(
      await appFolder(),
      variablesOf(backend),
      "watch",
      "--module",
      "lazy",
      "--interval",
      "0.1",
    );
    await eventually(() =>
      expect(watch.stdout).toMatch(/^\d\d:\d\d:\d\d customerTotals 0 rows, 0 stale, 0 failing, 0 recomputed\. /),
    );
    await client.query(api.orders.total, { customer: "ada" });
    await eventually(() =>
      expect(watch.stdout).toMatch(/customerTotals 1 row, 0 stale, 0 failing, 1 recomputed\. All views: [1-9]/),
    );
    await client.mutation(api.orders.add, { customer: "ada", amount: 3 });
    await eventually(() => expect(watch.stdout).toMatch(/customerTotals 1 row, 1 stale, /));
    expect(await watch.stop("SIGTERM")).toBe(0);
    expect(watch.stdout + watch.stderr).not.toContain(ENV.LAZY_VIEWS_SECRET);
  });

  test("prints the table once by --once, and an object by --json", async () => {
    const backend = await startShop({ env: ENV, logStream: STREAM });
    const client = new ConvexHttpClient(backend.url, { logger: false });
    await client.query(api.orders.total, { customer: "ada" });
    await backend.idle();
    const folder = await appFolder();
    const table = await commandLine(folder, variablesOf(backend), "watch", "--once");
    expect(table).toMatchObject({ code: 0, stderr: "" });
    expect(table.stdout).toMatch(
      /^view +rows +stale +failing +recomputed\/min +docs\/min +stale for +window\ncustomerTotals +1 +0 +0 +1 +\d+ +- +1 s\nAll views: 1 recompute a minute, reading \d+ documents?\. Problems: \d; see npx convex-lazy-views doctor\.\n$/,
    );
    const { stdout } = await commandLine(
      folder,
      variablesOf(backend),
      "watch",
      "--module",
      "convex/lazy.ts",
      "--once",
      "--json",
    );
    expect(JSON.parse(stdout)).toMatchObject({
      views: [
        { view: "customerTotals", rows: 1, stale: 0, failing: 0, recomputed: 1, staleForMs: null, windowMs: 1_000 },
      ],
      lastMinute: { recomputes: 1 },
    });
  });

  test("refuses an invalid interval", async () => {
    const { code, stderr } = await commandLine(
      await appFolder(),
      {},
      "watch",
      "--module",
      "lazy",
      "--interval",
      "soon",
    );
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Give seconds, from 0.1 to 86400."),
    });
  });
});
