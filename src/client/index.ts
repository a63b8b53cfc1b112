/**
 * The clients of convex/browser, for apps with the transport `client`. Names and signatures are the same, so that you
 * change the import only. Queries that are not made with `lazy.query` work as before, also those of other apps.
 */
export * from "convex/browser";
export { ConvexClient } from "./convexClient.js";
export { ConvexHttpClient } from "./convexHttpClient.js";
export { type QuietLogger, quietLogger } from "./quietLogger.js";
