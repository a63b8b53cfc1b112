/**
 * convex/nextjs, for apps with the transport `client`. Names and signatures are the same, so that you change the import
 * only. Queries that are not made with `lazy.query` work as before, also those of other apps.
 */
export * from "convex/nextjs";
export { fetchQuery, forwarded, preloadQuery } from "./fetch.js";
