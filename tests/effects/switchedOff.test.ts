import { defineView } from "convex-lazy-views";
import { afterEach, expect, test, vi } from "vitest";
import { endTestApp, startTestApp } from "../testApp.js";
import { add, tables, total, totalsTable } from "../totals.js";

afterEach(endTestApp);

/** The first step that docs/troubleshooting.md names for an emergency. */
test("without the secret, readers get values as before, and what they request does not start", async () => {
  const totals = defineView("totals", { table: totalsTable, compute: total });
  const { collect, mutation, rows, settle, testing } = startTestApp({ tables, views: { totals } });
  const [key, missing] = [{ list: "a" }, { list: "b" }];
  const read = () => collect((ctx) => Promise.all([totals.get(ctx, key), totals.get(ctx, missing)]));
  await mutation(add("a", 2));
  await settle((ctx) => totals.get(ctx, key));
  await mutation(add("a", 3));
  const before = await read();
  expect(before.effects).toHaveLength(2);

  const { LAZY_VIEWS_SECRET: secret = "" } = process.env;
  vi.stubEnv("LAZY_VIEWS_SECRET", "");
  const complaints = vi.spyOn(console, "error").mockReturnValue();
  const { result, messages } = await read();
  expect(result).toEqual([
    { count: 1, sum: 2 },
    { count: 0, sum: 0 },
  ]);
  expect(messages).toEqual([]);
  expect(complaints.mock.calls[0]?.[0]).toContain("LAZY_VIEWS_SECRET is not set");
  await testing.deliver(before.messages); // of reads from before
  await testing.advance(60_000);
  expect(await rows("totals")).toHaveLength(1);
  await testing.expectState(totals, key, "stale");

  vi.stubEnv("LAZY_VIEWS_SECRET", secret);
  await testing.deliver(before.messages);
  await testing.advance(60_000);
  await testing.expectState(totals, key, "fresh");
});
