import { ConvexHttpClient } from "convex/browser";
import { expect, onTestFinished, test } from "vitest";
import { openLog } from "../../src/cli/logSource";
import { startShop, variablesOf } from "./commandLine";
import { api } from "./shop";

test("without a key, the log is read by the official command line, which acts as the user who is logged in", async () => {
  const backend = await startShop();
  const client = new ConvexHttpClient(backend.url, { logger: false });
  await client.mutation(api.orders.add, { customer: "ada", amount: 1 });
  // This program gets no key; the official one finds its own.
  const { url, siteUrl } = backend;
  const deployment = {
    url,
    siteUrl,
    key: null,
    kind: "cloud" as const,
    describe: url,
    env: variablesOf(backend),
    args: [],
  };
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const seen: string[] = [];
  for await (const { entries } of openLog(deployment, { signal: stop.signal })) {
    seen.push(...entries.map(({ identifier }) => identifier));
    if (seen.length === 1) await client.query(api.orders.total, { customer: "ada" });
    else stop.abort();
  }
  expect(seen).toEqual(["orders:add", "orders:total"]);
});
