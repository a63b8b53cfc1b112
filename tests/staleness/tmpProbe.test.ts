import { afterEach, expect, test } from "vitest";
import { endTestApp, type MutationCtx } from "../testApp.js";
import { add, startTotals } from "../totals.js";
afterEach(endTestApp);
test.each([1, 2, 5, 30, 200])("loop over %i documents, then insert", async (count) => {
  const app = startTotals();
  await app.mutation(async (ctx) => { for (let n = 0; n < count; n++) await add("b", n)(ctx); });
  await app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
  const un: unknown[] = [];
  await app.mutation((ctx) => {
    void (async () => {
      let c = 0;
      for await (const _ of ctx.db.query("items")) c++;
      await add("a", c)(ctx);
    })().catch((e) => un.push(e));
  });
  await new Promise((r) => process.nextTick(r));
  console.log(count, un, (await app.rows("items")).length, (await app.rows("totals"))[0]?.dirtyAt);
});
test.each(["auth", "runQuery", "scheduler", "storage"])("%s then insert", async (what) => {
  const app = startTotals();
  await app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
  const un: unknown[] = [];
  await app.mutation((ctx) => {
    void (async () => {
      if (what === "auth") await ctx.auth.getUserIdentity();
      if (what === "scheduler") await ctx.scheduler.runAfter(0, "lazy:sweep" as never, {} as never);
      if (what === "runQuery") await ctx.runQuery("lazy:inspect" as never, {} as never);
      if (what === "storage") await ctx.storage.getUrl("x" as never).catch(() => {});
      await add("a", 1)(ctx);
    })().catch((e) => un.push(e));
  });
  await new Promise((r) => process.nextTick(r));
  console.log(what, un, (await app.rows("items")).length, (await app.rows("totals"))[0]?.dirtyAt);
});
test("late", async () => {
  const app = startTotals();
  await app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
  let late: MutationCtx | undefined;
  await app.mutation((ctx) => { late = ctx; });
  const un: unknown[] = [];
  for (const w of [() => late?.db.insert("items", { list: "a", n: 1 }), () => late?.db.insert("notes", { text: "x" })]) {
    try { await w(); un.push("fine") } catch (e) { un.push(String(e)); }
  }
  await new Promise((r) => process.nextTick(r));
  console.log(un, (await app.rows("items")).length, (await app.rows("notes")).length, (await app.rows("totals"))[0]?.dirtyAt);
  // and sync?
  try { late?.db.insert("items", { list: "a", n: 1 }).catch(() => console.log("rejected")) } catch (e) { console.log("sync throw") }
});
test("late in next mutation", async () => {
  const app = startTotals();
  await app.mutation((ctx) => app.totals.refresh(ctx, { list: "a" }));
  let late: MutationCtx | undefined;
  await app.mutation((ctx) => { late = ctx; });
  await app.mutation(async (ctx) => { try { await late?.db.insert("items", {list:"a", n: 1}) } catch (e) { console.log(String(e)) } await ctx.db.query("notes").collect(); });
  console.log((await app.rows("items")).length, (await app.rows("totals"))[0]?.dirtyAt);
});
