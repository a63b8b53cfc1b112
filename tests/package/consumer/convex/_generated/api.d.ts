/* eslint-disable */
/**
 * Generated `api` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";
import type * as airportStats from "../airportStats.js";
import type * as dashboard from "../dashboard.js";
import type * as http from "../http.js";
import type * as lazy from "../lazy.js";
import type * as movieSearch from "../movieSearch.js";
import type * as tracking from "../tracking.js";

/**
 * A utility for referencing Convex functions in your app's API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
declare const fullApi: ApiFromModules<{
  airportStats: typeof airportStats;
  dashboard: typeof dashboard;
  http: typeof http;
  lazy: typeof lazy;
  movieSearch: typeof movieSearch;
  tracking: typeof tracking;
}>;
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;
