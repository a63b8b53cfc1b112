/**
 * convex/nextjs for apps with the transport `client`: the same names and signatures, so that only the import changes.
 * Queries of other apps, and those not made with `lazy.query`, work as ever.
 */
export * from "convex/nextjs";
export { fetchQuery, forwarded, preloadQuery } from "./fetch.js";
