/**
 * convex/react, for apps with the transport `client`. Names and signatures are the same, so that you change the import
 * only. Queries that are not made with `lazy.query` work as before, also those of other apps. `useFreshness` and
 * `quietLogger` are for apps with any transport.
 */
export * from "convex/react";
export { type QuietLogger, quietLogger } from "../client/quietLogger.js";
export { ConvexReactClient } from "./convexReactClient.js";
export { usePaginatedQuery, usePreloadedQuery, useQueries, useQuery } from "./hooks.js";
export { type Freshness, type FreshnessOptions, type FreshnessRead, useFreshness } from "./useFreshness.js";
