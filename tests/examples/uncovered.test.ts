import { afterEach, expect, test, vi } from "vitest";
import { api } from "../../examples/convex/_generated/api.js";
import { flights } from "../../examples/flightsData.js";
import { films } from "../../examples/moviesData.js";
import { tuple } from "./authz/memoryReader.js";
import { startExample } from "./startExample.js";

afterEach(() => {
  vi.useRealTimers();
});

test("the sources that the examples declare cover what their computes read", async () => {
  const { t, views } = startExample();
  const account = await t.mutation(api.quota.accounts.create, { name: "Acme", limit: 100 });
  await t.mutation(api.quota.accounts.use, { account, units: 60 });
  const sample = flights().slice(0, 200);
  await t.mutation(api.rollups.flights.load, { flights: sample });
  for (const film of films().slice(0, 5)) await t.mutation(api.search.movies.add, film);
  await t.mutation(api.authz.seed.load);
  const doc = await t.mutation(api.tracking.docs.add, { title: "Plan", text: "First, …" });
  await views.settle(() => t.query(api.tracking.docs.open, { user: "ada", doc }));

  const [film] = films();
  const reads: Record<string, () => Promise<unknown>> = {
    accountUsage: () => t.query(api.quota.accounts.usage, { account }),
    airportStats: () => t.query(api.rollups.dashboard.stats, { airport: sample[0]?.origin ?? "" }),
    networkStats: () => t.query(api.rollups.dashboard.network),
    movieSearch: () => t.query(api.search.find.films, { text: film?.title ?? "" }),
    docViews: () => t.query(api.tracking.docs.stats, { doc }),
    grants: () => t.query(api.authz.permissions.check, tuple("user:charles can_read doc:launch-plan")),
  };
  for (const [view, read] of Object.entries(reads)) {
    await views.settle(read);
    const row = await t.run(async (ctx) => await ctx.db.query(view as "docViews").first());
    expect(row, view).toMatchObject({ key: expect.any(String) });
  }
  expect(views.uncovered()).toEqual([]);
});
