import { testViews } from "convex-lazy-views/test";
import { convexTest } from "convex-test";
import { vi } from "vitest";
import { components } from "../../examples/components.js";
import schema from "../../examples/convex/schema.js";
import { allDocuments } from "./documents.js";

const modules = import.meta.glob("../../examples/convex/**/*.{ts,js}");

/** The example app with its components under convex-test, in fake time. */
export function startExample() {
  vi.useFakeTimers();
  const t = convexTest({ schema, modules });
  for (const [path, component] of Object.entries(components)) {
    t.registerComponent(path, component.schema, component.modules);
  }
  const views = testViews(t, vi);
  return {
    t,
    views,
    /** Delivers lines, and runs the jobs that are due at once. */
    async deliver(messages: readonly string[]) {
      await views.deliver(messages);
      await views.advance();
    },
    /** Clears the ledger, as a sweep or an operator may. */
    forgetLedger: () =>
      t.run(async (ctx) => {
        for (const { _id } of await ctx.db.query("lazyEffects").collect()) {
          await ctx.db.delete("lazyEffects", _id);
        }
      }),
    documents: () => t.run(allDocuments),
    /** Scheduled functions that threw. */
    failedJobs: () =>
      t.run(async (ctx) => {
        const jobs = await ctx.db.system.query("_scheduled_functions").collect();
        return jobs.filter(({ state }) => state.kind === "failed").map(({ name }) => name);
      }),
  };
}
