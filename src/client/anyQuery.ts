import type { ConvexHttpClient } from "convex/browser";

/** Every kind of reference to a query that Convex's own clients accept. */
export type AnyQuery = Parameters<ConvexHttpClient["query"]>[0];

/** Every kind of reference to a mutation that they accept. */
export type AnyMutation = Parameters<ConvexHttpClient["mutation"]>[0];
