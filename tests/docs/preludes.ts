/**
 * The scope of examples in doc comments, beside the exports of their entry point and of the main one: names of Convex
 * and of the quick start's app. Every entry point also has the scope of `core`.
 */
export const PRELUDES: Readonly<Record<string, string>> = {
  core: `
    import type { EffectCtx } from "convex-lazy-views";
    import type { FunctionReference } from "convex/server";
    import type { Migrations } from "@convex-dev/migrations";
    import type { Triggers } from "convex-helpers/server/triggers";
    import type { DataModel, Id } from "./convex/_generated/dataModel";
    import type { ActionCtx as PlainActionCtx, MutationCtx as PlainMutationCtx } from "./convex/_generated/server";
    import type { QueryCtx as PlainQueryCtx } from "./convex/_generated/server";
    import type { api as appApi, internal as appInternal } from "./convex/_generated/api";
    export { defineSchema, defineTable, httpRouter, cronJobs } from "convex/server";
    export { v } from "convex/values";
    export { z } from "zod";
    export { customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
    export { action as rawAction, internalMutation as rawInternalMutation } from "./convex/_generated/server";
    export { mutation as rawMutation, query as rawQuery, httpAction } from "./convex/_generated/server";
    export type { QueryCtx, MutationCtx, ActionCtx } from "./convex/_generated/server";
    export type { DataModel, Doc, Id } from "./convex/_generated/dataModel";
    export { airportStats, airportStatsTable } from "./convex/airportStats";
    export { lazy, mutation, query } from "./convex/lazy";
    export type Grant = { revoked: boolean };
    export type Stats = { flights: number; meanDelay: number };
    export declare const compute: (ctx: PlainQueryCtx, key: { airport: string }) => Promise<Stats>;
    export declare const ctx: PlainMutationCtx & EffectCtx;
    export declare const actionCtx: PlainActionCtx & EffectCtx;
    export declare const http: import("convex/server").HttpRouter;
    export declare const crons: import("convex/server").Crons;
    export declare const migrations: Migrations<DataModel>;
    export declare const triggers: Triggers<DataModel>;
    export declare const airport: string;
    export declare const flight: Id<"flights">;
    export declare const doc: string;
    export declare const api: typeof appApi;
    export declare const internal: Omit<typeof appInternal, "tracking" | "search"> & {
      tracking: { viewed: FunctionReference<"mutation", "internal", { doc: string }> };
      search: { reindex: FunctionReference<"action", "internal", { doc: string }> };
    };
  `,
  aggregate: `
    import { viewTable } from "convex-lazy-views";
    import { v } from "convex/values";
    export { TableAggregate } from "@convex-dev/aggregate";
    export declare const components: {
      aggregate: import("@convex-dev/aggregate/_generated/component.js").ComponentApi<"aggregate">;
    };
    export const departuresTable = viewTable({
      key: { airport: v.string() },
      value: { flights: v.number(), meanDelay: v.number(), p95: v.union(v.number(), v.null()) },
    });
  `,
  client: `
    export declare const client: import("convex-lazy-views/client").ConvexHttpClient;
    export declare function show(value: unknown): void;
    export declare function waitUntil(promise: Promise<unknown>): void;
  `,
  nextjs: `
    export { after } from "next/server";
  `,
  react: `
    export { createRoot } from "react-dom/client";
    export { ConvexProvider } from "convex/react";
    export declare const root: HTMLElement;
    export declare function App(): import("react").JSX.Element;
  `,
  test: `
    import { convexTest } from "convex-test";
    import type { TestViews } from "convex-lazy-views/test";
    import appSchema from "./convex/schema";
    export { convexTest };
    export { afterEach, beforeEach, expect, test, vi } from "vitest";
    export { default as schema } from "./convex/schema";
    const made = () => convexTest({ schema: appSchema });
    export declare const modules: Record<string, () => Promise<unknown>>;
    export declare let t: ReturnType<typeof made>;
    export declare let views: TestViews;
    export declare const read: () => Promise<unknown>;
  `,
};
