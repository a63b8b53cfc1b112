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
import type * as authz_check from "../authz/check.js";
import type * as authz_downloads from "../authz/downloads.js";
import type * as authz_googleDrive from "../authz/googleDrive.js";
import type * as authz_grants from "../authz/grants.js";
import type * as authz_model from "../authz/model.js";
import type * as authz_modelError from "../authz/modelError.js";
import type * as authz_names from "../authz/names.js";
import type * as authz_openfga from "../authz/openfga.js";
import type * as authz_parseModel from "../authz/parseModel.js";
import type * as authz_permissions from "../authz/permissions.js";
import type * as authz_readModel from "../authz/readModel.js";
import type * as authz_references from "../authz/references.js";
import type * as authz_sample from "../authz/sample.js";
import type * as authz_schema from "../authz/schema.js";
import type * as authz_seed from "../authz/seed.js";
import type * as authz_sharing from "../authz/sharing.js";
import type * as authz_soundness from "../authz/soundness.js";
import type * as authz_tuple from "../authz/tuple.js";
import type * as authz_tupleStore from "../authz/tupleStore.js";
import type * as authz_tuples from "../authz/tuples.js";
import type * as authz_viewTables from "../authz/viewTables.js";
import type * as http from "../http.js";
import type * as lazy from "../lazy.js";
import type * as quota_accountUsage from "../quota/accountUsage.js";
import type * as quota_accounts from "../quota/accounts.js";
import type * as quota_report from "../quota/report.js";
import type * as quota_schema from "../quota/schema.js";
import type * as quota_viewTables from "../quota/viewTables.js";
import type * as rollups_airportStats from "../rollups/airportStats.js";
import type * as rollups_briefing from "../rollups/briefing.js";
import type * as rollups_dashboard from "../rollups/dashboard.js";
import type * as rollups_flights from "../rollups/flights.js";
import type * as rollups_networkStats from "../rollups/networkStats.js";
import type * as rollups_schema from "../rollups/schema.js";
import type * as rollups_viewTables from "../rollups/viewTables.js";
import type * as search_assistant from "../search/assistant.js";
import type * as search_film from "../search/film.js";
import type * as search_find from "../search/find.js";
import type * as search_movieSearch from "../search/movieSearch.js";
import type * as search_movies from "../search/movies.js";
import type * as search_schema from "../search/schema.js";
import type * as search_text from "../search/text.js";
import type * as search_viewTables from "../search/viewTables.js";
import type * as tracking_docViews from "../tracking/docViews.js";
import type * as tracking_docs from "../tracking/docs.js";
import type * as tracking_exports from "../tracking/exports.js";
import type * as tracking_schema from "../tracking/schema.js";
import type * as tracking_viewTables from "../tracking/viewTables.js";
import type * as tracking_views from "../tracking/views.js";

/**
 * A utility for referencing Convex functions in your app's API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
declare const fullApi: ApiFromModules<{
  "authz/check": typeof authz_check;
  "authz/downloads": typeof authz_downloads;
  "authz/googleDrive": typeof authz_googleDrive;
  "authz/grants": typeof authz_grants;
  "authz/model": typeof authz_model;
  "authz/modelError": typeof authz_modelError;
  "authz/names": typeof authz_names;
  "authz/openfga": typeof authz_openfga;
  "authz/parseModel": typeof authz_parseModel;
  "authz/permissions": typeof authz_permissions;
  "authz/readModel": typeof authz_readModel;
  "authz/references": typeof authz_references;
  "authz/sample": typeof authz_sample;
  "authz/schema": typeof authz_schema;
  "authz/seed": typeof authz_seed;
  "authz/sharing": typeof authz_sharing;
  "authz/soundness": typeof authz_soundness;
  "authz/tuple": typeof authz_tuple;
  "authz/tupleStore": typeof authz_tupleStore;
  "authz/tuples": typeof authz_tuples;
  "authz/viewTables": typeof authz_viewTables;
  http: typeof http;
  lazy: typeof lazy;
  "quota/accountUsage": typeof quota_accountUsage;
  "quota/accounts": typeof quota_accounts;
  "quota/report": typeof quota_report;
  "quota/schema": typeof quota_schema;
  "quota/viewTables": typeof quota_viewTables;
  "rollups/airportStats": typeof rollups_airportStats;
  "rollups/briefing": typeof rollups_briefing;
  "rollups/dashboard": typeof rollups_dashboard;
  "rollups/flights": typeof rollups_flights;
  "rollups/networkStats": typeof rollups_networkStats;
  "rollups/schema": typeof rollups_schema;
  "rollups/viewTables": typeof rollups_viewTables;
  "search/assistant": typeof search_assistant;
  "search/film": typeof search_film;
  "search/find": typeof search_find;
  "search/movieSearch": typeof search_movieSearch;
  "search/movies": typeof search_movies;
  "search/schema": typeof search_schema;
  "search/text": typeof search_text;
  "search/viewTables": typeof search_viewTables;
  "tracking/docViews": typeof tracking_docViews;
  "tracking/docs": typeof tracking_docs;
  "tracking/exports": typeof tracking_exports;
  "tracking/schema": typeof tracking_schema;
  "tracking/viewTables": typeof tracking_viewTables;
  "tracking/views": typeof tracking_views;
}>;
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;

export declare const components: {
  aggregate: import("@convex-dev/aggregate/_generated/component.js").ComponentApi<"aggregate">;
};
