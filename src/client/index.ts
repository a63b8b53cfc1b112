/**
 * The clients of convex/browser for apps with the transport `client`: the same names and signatures, so that only the
 * import changes. Queries of other apps, and those not made with `lazy.query`, work as ever.
 */
export * from "convex/browser";
export { ConvexClient } from "./convexClient.js";
export { ConvexHttpClient } from "./convexHttpClient.js";
export { type QuietLogger, quietLogger } from "./quietLogger.js";
