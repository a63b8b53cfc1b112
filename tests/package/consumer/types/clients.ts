import type * as convexBrowser from "convex/browser";
import type * as convexNextjs from "convex/nextjs";
import type * as convexReact from "convex/react";
import { ConvexClient, ConvexHttpClient } from "convex-lazy-views/client";
import { fetchQuery, preloadedQueryResult, preloadQuery } from "convex-lazy-views/nextjs";
import * as lazyReact from "convex-lazy-views/react";
import { api } from "../convex/_generated/api";
import type { Id } from "../convex/_generated/dataModel";
import type { Equal, Expect } from "./assert";

type Stats = { flights: number; meanDelay: number; worst?: Id<"flights"> } | null;

/** Hooks and functions have the types of those that they replace. The clients can replace Convex's. */
export type Cases = [
  Expect<Equal<typeof lazyReact.useQuery, typeof convexReact.useQuery>>,
  Expect<Equal<typeof lazyReact.useQueries, typeof convexReact.useQueries>>,
  Expect<Equal<typeof lazyReact.usePaginatedQuery, typeof convexReact.usePaginatedQuery>>,
  Expect<Equal<typeof lazyReact.usePreloadedQuery, typeof convexReact.usePreloadedQuery>>,
  Expect<Equal<typeof lazyReact.useMutation, typeof convexReact.useMutation>>,
  Expect<Equal<typeof fetchQuery, typeof convexNextjs.fetchQuery>>,
  Expect<Equal<typeof preloadQuery, typeof convexNextjs.preloadQuery>>,
  Expect<Equal<ConstructorParameters<typeof ConvexClient>, ConstructorParameters<typeof convexBrowser.ConvexClient>>>,
  Expect<lazyReact.ConvexReactClient extends convexReact.ConvexReactClient ? true : false>,
  Expect<ConvexClient extends convexBrowser.ConvexClient ? true : false>,
];

const args = { airport: "SFO" };

/** The types of their results. */
export async function uses() {
  const http = new ConvexHttpClient("https://happy-otter-123.convex.cloud");
  const fetched = await http.query(api.dashboard.stats, args);
  await http.forwarded();

  const client = new ConvexClient("https://happy-otter-123.convex.cloud");
  const asked = await client.query(api.dashboard.stats, args);
  const { getCurrentValue } = client.onUpdate(api.dashboard.stats, args, (value) => {
    const given: Expect<Equal<typeof value, Stats>> = true;
    return given;
  });
  const current = getCurrentValue();

  const react = new lazyReact.ConvexReactClient("https://happy-otter-123.convex.cloud");
  const watched = react.watchQuery(api.dashboard.stats, args).localQueryResult();
  const once = await react.query(api.dashboard.stats, args);
  await react.mutation(
    api.dashboard.add,
    { origin: "SFO", destination: "LAX", delay: 0 },
    {
      optimisticUpdate: (store, { origin }) => store.setQuery(api.dashboard.stats, { airport: origin }, null),
    },
  );

  const onServer = await fetchQuery(api.dashboard.stats, args);
  const preloaded = preloadedQueryResult(await preloadQuery(api.dashboard.stats, args));

  type All = [
    Expect<Equal<typeof fetched, Stats>>,
    Expect<Equal<typeof asked, Stats>>,
    Expect<Equal<typeof once, Stats>>,
    Expect<Equal<typeof onServer, Stats>>,
    Expect<Equal<typeof preloaded, Stats>>,
    Expect<Equal<typeof current, Stats | undefined>>,
    Expect<Equal<typeof watched, Stats | undefined>>,
  ];
  return null as unknown as All;
}

/** What must not compile. */
export async function misused(client: ConvexClient, react: lazyReact.ConvexReactClient) {
  // @ts-expect-error an argument that the query does not have
  await client.query(api.dashboard.stats, { city: "SFO" });
  // @ts-expect-error no arguments
  react.watchQuery(api.dashboard.stats);
  // @ts-expect-error a mutation for a query
  await react.query(api.dashboard.add, { origin: "SFO", destination: "LAX", delay: 0 });
}
