import type { ConvexHttpClient } from "convex/browser";

/** Every kind of reference to a query that Convex's own clients take. */
export type AnyQuery = Parameters<ConvexHttpClient["query"]>[0];

/** Every kind of reference to a mutation that they take. */
export type AnyMutation = Parameters<ConvexHttpClient["mutation"]>[0];
