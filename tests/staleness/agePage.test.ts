import { ConvexClient } from "convex/browser";
import { anyApi, defineSchema, type FunctionReference, httpRouter, queryGeneric } from "convex/server";
import { v } from "convex/values";
import { defineView, LazyViews, lazyTables, olderThan, viewTable } from "convex-lazy-views";
import { expect, onTestFinished, test } from "vitest";
import WebSocket from "ws";
import { startBackend } from "../../examples/backend/index.js";
import { eventually } from "../eventually.js";

const ticksTable = viewTable({ key: { name: v.string() }, value: { at: v.number() } });
const schema = defineSchema({ ticks: ticksTable, ...lazyTables });
const ticks = defineView("ticks", {
  table: ticksTable,
  staleWhen: olderThan({ seconds: 1 }),
  window: { milliseconds: 100 },
  compute: () => ({ at: Date.now() }),
});
const lazy = new LazyViews({ module: "lazy", views: { ticks } });
const http = httpRouter();
lazy.registerRoutes(http);
const read = lazy.query(queryGeneric as never)({
  args: {},
  handler: async (ctx) => await ticks.read(ctx, { name: "a" }),
});
const modules = {
  "./_generated/api.js": async () => ({}),
  "./http.ts": async () => ({ default: http }),
  "./lazy.ts": async () => lazy.functions(),
  "./reads.ts": async () => ({ read }),
};

test("a subscribed page turns stale and fresh by itself, without a write and without a clock", async () => {
  const secret = "the stream's own secret";
  const backend = await startBackend({
    schema,
    modules,
    env: {
      LAZY_VIEWS_SECRET: "0123456789abcdef0123456789abcdef",
      LAZY_VIEWS_STREAM_SECRET: secret,
    },
    logStream: { path: "/lazy-views/effects", secret, intervalMs: 10 },
  });
  onTestFinished(() => backend.close());
  const client = new ConvexClient(backend.url, {
    webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
    logger: false,
  });
  onTestFinished(() => client.close());

  const seen: string[] = [];
  const reference = anyApi.reads?.read as FunctionReference<"query">;
  client.onUpdate(reference, {}, ({ state }) => seen.push(state));
  await eventually(() =>
    // On a busy machine a row may become stale before its reader has seen it fresh.
    expect(seen.join(" ")).toMatch(/^missing\b.*\bfresh\b.*\bstale\b.*\bfresh\b.*\bstale\b.*\bfresh\b/),
  );
});
