import { afterEach, test } from "vitest";
import { api, internal } from "../examples/convex/_generated/api.js";
import { endTestApp } from "./testApp.js";
import { add } from "./totals.js";
import { startTotals } from "./totals.js";
import { a } from "./staleness/listApp.js";
import { startExample } from "./examples/startExample.js";
import { vi, afterAll } from "vitest";
import { PLANTED_BUGS } from "./simulation/planted.js";
import { writeFileSync, appendFileSync } from "node:fs";
const OUT = "/tmp/w/measure.txt";
writeFileSync(OUT, "");
const say = (...x: unknown[]) => appendFileSync(OUT, x.map((y) => typeof y === "string" ? y : JSON.stringify(y)).join(" ") + "\n");
say("planted", PLANTED_BUGS.length);
afterEach(endTestApp);
const m = async (ctx: any) => { const x = await ctx.meta.getTransactionMetrics(); return { r: x.documentsRead.used, w: x.documentsWritten.used, q: x.databaseQueries.used, s: x.functionsScheduled.used }; };
const diff = (x: any, y: any) => Object.fromEntries(Object.keys(x).map((k) => [k, y[k] - x[k]]));
test.each(["transaction", "snapshot"] as const)("writes %s", async (mode) => {
  for (const isStale of [false, true]) {
    const app = startTotals({ mode });
    const id = await app.mutation(add("a", 1));
    await app.settle((ctx) => app.totals.get(ctx, a));
    const ops: Record<string, (ctx: any) => Promise<unknown>> = {
      insert: (ctx) => ctx.db.insert("items", { list: "a", n: 3 }),
      patch: (ctx) => ctx.db.patch("items", id, { n: 4 }),
      replace: (ctx) => ctx.db.replace("items", id, { list: "a", n: 5 }),
      delete: (ctx) => ctx.db.delete("items", id),
    };
    for (const [name, op] of Object.entries(ops)) {
      const raw = await app.t.run(async (ctx: any) => { const b = await m(ctx); await op(ctx); const c = await m(ctx); return diff(b, c); }).catch((e: any) => String(e));
      if (name === "delete") { await app.t.run(async (ctx: any) => { }); }
      if (name !== "delete") {
        const own = await app.mutation(async (ctx: any) => { const b = await m(ctx); await op(ctx); const c = await m(ctx); return diff(b, c); });
        say(mode, isStale ? "stale" : "clean", name, "raw", raw, "own", own);
      } else {
        const other = await app.mutation(add("a", 9));
        if (!isStale) await app.settle((ctx) => app.totals.get(ctx, a));
        const own = await app.mutation(async (ctx: any) => { const b = await m(ctx); await ctx.db.delete("items", other); const c = await m(ctx); return diff(b, c); });
        say(mode, isStale ? "stale" : "clean", name, "raw", raw, "own", own);
      }
      if (!isStale) await app.settle((ctx) => app.totals.get(ctx, a));
    }
    endTestApp();
  }
});
const metered = async (t: any, work: (ctx: any) => Promise<unknown>) => await t.mutation(async (ctx: any) => { await work(ctx); return await m(ctx); });

test("search", async () => {
  const { t, views } = startExample();
  const film = { title: "Heat", year: 1995, director: "Mann", genre: "Crime", distributor: "WB", rating: "R", score: 8 } as any;
  const movie = await t.mutation(api.search.movies.add, film);
  await views.settle(() => t.query(api.search.find.films, { text: "heat" }));
  say("search edit clean", await metered(t, (ctx) => ctx.runMutation(api.search.movies.edit, { movie, changes: { year: 1996 } })));
  say("search edit stale", await metered(t, (ctx) => ctx.runMutation(api.search.movies.edit, { movie, changes: { year: 1997 } })));
  say("search remove", await metered(t, (ctx) => ctx.runMutation(api.search.movies.remove, { movie })));
});
test("rollups", async () => {
  const { t, views } = startExample();
  const flight = { origin: "SFO", destination: "LAX", delay: 10 };
  say("add flight cold", await metered(t, (ctx) => ctx.runMutation(api.rollups.flights.add, flight)));
  for (let i = 0; i < 3; i++) {
    for (const airport of ["SFO", "LAX"]) await views.settle(() => t.query(api.rollups.dashboard.stats, { airport }));
    await views.settle(() => t.query(api.rollups.dashboard.network));
    say("add flight fresh", await metered(t, (ctx) => ctx.runMutation(api.rollups.flights.add, flight)));
    say("add flight stale", await metered(t, (ctx) => ctx.runMutation(api.rollups.flights.add, flight)));
  }
});
test("quota", async () => {
  const { t, views } = startExample();
  const account = await t.mutation(api.quota.accounts.create, { name: "Acme", limit: 100 });
  say("use cold", await metered(t, (ctx) => ctx.runMutation(api.quota.accounts.use, { account, units: 1 })));
  await views.settle(() => t.query(api.quota.accounts.usage, { account }));
  say("use fresh", await metered(t, (ctx) => ctx.runMutation(api.quota.accounts.use, { account, units: 1 })));
  say("use stale", await metered(t, (ctx) => ctx.runMutation(api.quota.accounts.use, { account, units: 1 })));
});
test("tracking", async () => {
  const { t, views } = startExample();
  const doc = await t.mutation(api.tracking.docs.add, { title: "Plan", text: "First" });
  say("viewed cold", await metered(t, (ctx) => ctx.runMutation((internal as any).tracking.views.viewed, { doc, user: "ada" })));
  await views.settle(() => t.query(api.tracking.docs.stats, { doc }));
  await views.advance(6 * 60_000);
  say("viewed again fresh", await metered(t, (ctx) => ctx.runMutation((internal as any).tracking.views.viewed, { doc, user: "ada" })));
  await views.advance(0);
  say("viewed other after", await metered(t, (ctx) => ctx.runMutation((internal as any).tracking.views.viewed, { doc, user: "bob" })));
  say("viewed third stale", await metered(t, (ctx) => ctx.runMutation((internal as any).tracking.views.viewed, { doc, user: "cid" })));
  await views.advance(6 * 60_000);
  await views.settle(() => t.query(api.tracking.docs.stats, { doc }));
  await views.advance(60 * 60_000);
  say("viewed again fresh no entry", await metered(t, (ctx) => ctx.runMutation((internal as any).tracking.views.viewed, { doc, user: "ada" })));
});
