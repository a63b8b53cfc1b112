import { ConvexHttpClient } from "convex/browser";
import { afterEach, beforeEach, expect, test } from "vitest";
import { api } from "../../examples/convex/_generated/api.js";
import { startExampleBackend } from "../../examples/exampleBackend.js";
import { loadInto } from "../../examples/moviesData.js";
import { eventually } from "../eventually.js";
import { allDocuments } from "./documents.js";

// Every example with the official client, on the embedded backend with its log stream.
let backend: Awaited<ReturnType<typeof startExampleBackend>>;
let client: ConvexHttpClient;
beforeEach(async () => {
  backend = await startExampleBackend({ intervalMs: 10 });
  client = new ConvexHttpClient(backend.url, { logger: false });
});
afterEach(async () => {
  await backend.close();
});

/** Reads, waits until all effects of the read are done, and reads again. */
async function readTwice<Result>(read: () => Promise<Result>): Promise<[Result, Result]> {
  const first = await read();
  await backend.idle();
  return [first, await read()];
}

/** How many of a query's lines its cache has sent again. */
function cachedLines(path: string): number {
  const events = backend.trace.history();
  return events.filter((e) => e.type === "console" && e.path === path && e.cached).length;
}

test("rollups: a read raises the recompute, and so does the read after a write", async () => {
  const flight = { origin: "SFO", destination: "LAX", delay: 30 };
  const read = () => client.query(api.rollups.dashboard.stats, { airport: "SFO" });
  await client.mutation(api.rollups.flights.add, flight);
  const [missing, computed] = await readTwice(read);
  expect(missing).toMatchObject({ state: "missing", value: { flights: 1, meanDelay: 30 } });
  expect(computed).toMatchObject({ state: "fresh", value: { flights: 1, meanDelay: 30 } });
  await client.mutation(api.rollups.flights.add, { ...flight, delay: 50 });
  const [stale] = await readTwice(read);
  expect(stale).toMatchObject({ state: "stale", value: { flights: 1 } });
  // The recompute waits for the end of the window that the first one opened.
  await eventually(async () =>
    expect(await read()).toMatchObject({ state: "fresh", value: { flights: 2, meanDelay: 40 } }),
  );
});

test("rollups: a briefing through an action has the row computed", async () => {
  await client.mutation(api.rollups.flights.add, { origin: "SFO", destination: "LAX", delay: 30 });
  const [missing, computed] = await readTwice(() => client.action(api.rollups.briefing.line, { airport: "SFO" }));
  expect(missing).toBe("SFO: 1 flights, 0 % on time.");
  expect(computed).toBe("SFO: 1 flights, 0 % on time.");
  expect(await client.query(api.rollups.dashboard.stats, { airport: "SFO" })).toMatchObject({ state: "fresh" });
});

test("rollups: the network is summed up by the aggregate component", async () => {
  await client.mutation(api.rollups.flights.add, { origin: "SFO", destination: "LAX", delay: 30 });
  const [, computed] = await readTwice(() => client.query(api.rollups.dashboard.network, {}));
  expect(computed).toMatchObject({ state: "fresh", value: { flights: 1, worst: 30 } });
});

test("tracking: opening a document twice counts once, from the cache too", async () => {
  const doc = await client.mutation(api.tracking.docs.add, { title: "Plan", text: "First, …" });
  const open = () => client.query(api.tracking.docs.open, { user: "ada", doc });
  expect(await open()).toEqual({ title: "Plan", text: "First, …" });
  await backend.idle();
  const before = await backend.run(allDocuments);
  const readTwiceMore = await readTwice(open);
  expect(readTwiceMore).toEqual(Array(2).fill({ title: "Plan", text: "First, …" }));
  await backend.idle();
  expect(cachedLines("tracking/docs:open")).toBe(2);
  expect(await backend.run(allDocuments)).toEqual(before);
  const [, stats] = await readTwice(() => client.query(api.tracking.docs.stats, { doc }));
  expect(stats).toMatchObject({ state: "fresh", value: { views: 1, viewers: 1 } });
  expect(await client.query(api.tracking.docs.lastViewed, { user: "ada" })).toMatchObject([{ doc, views: 1 }]);
});

test("tracking: an export through an action counts", async () => {
  const doc = await client.mutation(api.tracking.docs.add, { title: "Plan", text: "First, …" });
  await client.action(api.tracking.exports.markdown, { user: "ada", doc });
  await backend.idle();
  expect(await client.query(api.tracking.docs.mostViewed)).toMatchObject([{ doc, views: 1 }]);
});

test("search: a film is found by its title at once, and then by its director", async () => {
  const movie = await client.mutation(api.search.movies.add, {
    title: "Alien",
    year: 1979,
    director: "Ridley Scott",
    genre: "Horror",
    distributor: "20th Century Fox",
    rating: "R",
    score: 8.5,
  });
  const [cold, warm] = await readTwice(() => client.query(api.search.find.films, { text: "ali" }));
  expect(cold).toMatchObject([{ movie, by: "title", state: "missing" }]);
  expect(warm).toMatchObject([{ movie, by: "title", state: "fresh" }]);
  expect(await client.query(api.search.find.films, { text: "scott" })).toMatchObject([{ movie }]);
  expect(await client.action(api.search.assistant.answer, { text: "scott" })).toBe("Alien (1979)");
  expect(await client.query(api.search.find.films, { text: " " })).toEqual([]);
});

test("search: the films load, and are found while a user types", async () => {
  const progress: number[] = [];
  await loadInto(client, { onProgress: ({ loaded }) => progress.push(loaded) });
  expect(progress.slice(-2)).toEqual([3_000, 3_200]);
  const [, found] = await readTwice(() => client.query(api.search.find.films, { text: "godf" }));
  expect(found.map(({ title, year, state }) => `${title}, ${year}: ${state}`)).toEqual([
    "The Godfather, 1972: fresh",
    "The Godfather: Part II, 1974: fresh",
    "The Godfather: Part III, 1990: fresh",
  ]);
});

test("quota: the query that sees the overage has the account locked", async () => {
  const account = await client.mutation(api.quota.accounts.create, { name: "Acme", limit: 100 });
  await client.mutation(api.quota.accounts.use, { account, units: 101 });
  const [over, locked] = await readTwice(() => client.query(api.quota.accounts.usage, { account }));
  expect(over).toMatchObject({ units: 101, state: "over" });
  expect(locked).toMatchObject({ units: 101, state: "locked" });
  await expect(client.mutation(api.quota.accounts.use, { account, units: 1 })).rejects.toThrow(
    'The account "Acme" is locked.',
  );
  await client.mutation(api.quota.accounts.unlock, { account });
  await backend.idle();
  expect(await client.query(api.quota.accounts.usage, { account })).toMatchObject({
    units: 0,
    state: "open",
  });
});

test("quota: a report through an action has it locked", async () => {
  const account = await client.mutation(api.quota.accounts.create, { name: "Acme", limit: 100 });
  await client.mutation(api.quota.accounts.use, { account, units: 101 });
  const [over, locked] = await readTwice(() => client.action(api.quota.report.overages));
  expect(over).toEqual(["Acme: 101 of 100 units, over"]);
  expect(locked).toEqual(["Acme: 101 of 100 units, locked"]);
});
