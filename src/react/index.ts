/**
 * convex/react for apps with the transport `client`: the same names and signatures, so that only the import changes.
 * Queries of other apps, and those not made with `lazy.query`, work as ever. `useFreshness` and `quietLogger` are for
 * apps with any transport.
 */
export * from "convex/react";
export { type QuietLogger, quietLogger } from "../client/quietLogger.js";
export { ConvexReactClient } from "./convexReactClient.js";
export { usePaginatedQuery, usePreloadedQuery, useQueries, useQuery } from "./hooks.js";
export { type Freshness, type FreshnessOptions, type FreshnessRead, useFreshness } from "./useFreshness.js";
