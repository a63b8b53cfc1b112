import { setTimeout as sleep } from "node:timers/promises";
import { convexTest } from "convex-test";
import * as generatedApi from "./convex/_generated/api.js";
import * as generatedServer from "./convex/_generated/server.js";
import * as http from "./convex/http";
import * as items from "./convex/items";
import * as lazy from "./convex/lazy";
import * as reads from "./convex/reads";
import schema from "./convex/schema";
import * as totals from "./convex/totals";

/** Imported once: under tsx a dynamic import goes to another thread, which would take longer than the function. */
export const modules = {
  "./convex/_generated/api.js": async () => generatedApi,
  "./convex/_generated/server.js": async () => generatedServer,
  "./convex/http.ts": async () => http,
  "./convex/items.ts": async () => items,
  "./convex/lazy.ts": async () => lazy,
  "./convex/reads.ts": async () => reads,
  "./convex/totals.ts": async () => totals,
};

/** The bench's own app under convex-test, empty. */
export function startApp() {
  process.env.LAZY_VIEWS_SECRET = "0123456789abcdef0123456789abcdef";
  process.env.LAZY_VIEWS_STREAM_SECRET = "the stream's own secret";
  return convexTest({ schema, modules });
}

export type App = ReturnType<typeof startApp>;

const PATIENCE_MS = 20_000;

/**
 * Waits until every scheduled function that is due has ended. Later ones stay scheduled, such as a recompute that
 * waits for the end of its window.
 *
 * @throws Error naming the functions, when they have not ended after 20 s.
 */
export async function settle(t: App): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    await t.finishInProgressScheduledFunctions();
    const due = (await scheduledJobs(t)).filter(
      ({ state, scheduledTime }) =>
        state.kind === "inProgress" || (state.kind === "pending" && scheduledTime <= Date.now()),
    );
    if (due.length === 0) return;
    if (Date.now() > giveUpAt) {
      throw new Error(`still not ended: ${due.map(({ name }) => name).join(", ")}`);
    }
    await sleep(1);
  }
}

/** Every function that was ever scheduled, in any state. */
export async function scheduledJobs(t: App) {
  return await t.run(async (ctx) => await ctx.db.system.query("_scheduled_functions").collect());
}
