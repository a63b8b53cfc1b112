/**
 * convex/react for apps with the transport `client`: the same names and signatures, so that only the import changes.
 * Queries of other apps, and those not made with `lazy.query`, work as ever.
 */
export * from "convex/react";
export { ConvexReactClient } from "./convexReactClient.js";
export { usePaginatedQuery, usePreloadedQuery, useQueries, useQuery } from "./hooks.js";
