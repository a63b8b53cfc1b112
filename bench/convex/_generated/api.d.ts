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
import type * as computations from "../computations.js";
import type * as http from "../http.js";
import type * as items from "../items.js";
import type * as lazy from "../lazy.js";
import type * as reads from "../reads.js";
import type * as totals from "../totals.js";

/**
 * A utility for referencing Convex functions in your app's API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
declare const fullApi: ApiFromModules<{
  computations: typeof computations;
  http: typeof http;
  items: typeof items;
  lazy: typeof lazy;
  reads: typeof reads;
  totals: typeof totals;
}>;
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;
