import { ConvexHttpClient } from "convex/browser";
import {
  actionGeneric,
  anyApi,
  defineSchema,
  type FunctionReference,
  type GenericDataModel,
  type GenericSchema,
  httpRouter,
  queryGeneric,
  type SchemaDefinition,
} from "convex/server";
import { LazyViews, lazyTables } from "convex-lazy-views";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Backend, type LogStreamOptions, startBackend } from "../../examples/backend/index.js";
import type { InspectReport } from "../../src/app/inspect.js";
import { eventually } from "../eventually.js";
import { tables, totalsView } from "../totals.js";

/** A heartbeat and `inspect` on the embedded backend, with its own route, secrets and log stream. */

const EFFECTS_PATH = "/lazy-views/effects";
const SECRET = "0123456789abcdef0123456789abcdef";
const STREAM_SECRET = "the stream's own secret";

interface Options {
  /** Exports that the module lacks. */
  without?: string[];
  schema?: GenericSchema;
  hasRoute?: boolean;
  env?: Record<string, string>;
  stream?: Partial<LogStreamOptions>;
}

let backend: Backend<SchemaDefinition<GenericSchema, true>> | undefined;
afterEach(async () => {
  await backend?.close();
  vi.restoreAllMocks();
});

async function start({ without = [], schema, hasRoute = true, env, stream }: Options = {}) {
  const totals = totalsView({ onMissing: "null" });
  const lazy = new LazyViews<GenericDataModel>({ module: "lazy", views: { totals } as never });
  const functions = lazy.functions();
  const http = httpRouter();
  if (hasRoute) lazy.registerRoutes(http);
  const [run, inspect] = [anyApi.lazy?.heartbeat, anyApi.lazy?.inspect];
  const modules = {
    lazy: Object.fromEntries(
      Object.keys(functions)
        .filter((name) => !without.includes(name))
        .map((name) => [name, functions[name as keyof typeof functions]]),
    ),
    // Calls functions as `npx convex run` does.
    operator: {
      beat: actionGeneric({
        args: {},
        handler: async (ctx) => await ctx.runAction(run as FunctionReference<"action">),
      }),
      inspect: queryGeneric({
        args: {},
        handler: async (ctx) => await ctx.runQuery(inspect as FunctionReference<"query">),
      }),
    },
    http: { default: http },
    "_generated/api": {},
  };
  backend = await startBackend({
    schema: defineSchema(schema ?? { ...tables, ...lazyTables }) as SchemaDefinition<GenericSchema, true>,
    modules: Object.fromEntries(Object.entries(modules).map(([name, module]) => [`./${name}.ts`, async () => module])),
    env: { LAZY_VIEWS_SECRET: SECRET, LAZY_VIEWS_STREAM_SECRET: STREAM_SECRET, ...env },
    logStream: { path: EFFECTS_PATH, secret: STREAM_SECRET, intervalMs: 10, ...stream },
  });
  const client = new ConvexHttpClient(backend.url, { logger: false });
  const { beat, inspect: report } = anyApi.operator ?? {};
  return {
    beat: () => client.action(beat as FunctionReference<"action">),
    problems: async () => ((await client.query(report as FunctionReference<"query">)) as InspectReport).problems,
  };
}

test("a heartbeat goes the whole way through the log stream, and leaves no problem", async () => {
  const app = await start();
  expect(await app.problems()).toEqual([
    expect.stringMatching(/^Not checked yet: .*; run npx convex run lazy:heartbeat\.$/),
  ]);
  await app.beat();
  await eventually(async () => expect(await app.problems()).toEqual([]));
});

describe("what is missing is named within one heartbeat", () => {
  const cases: [string, Options, string][] = [
    ...["recompute", "dispatch", "sweep"].map((name): [string, Options, string] => [
      `the export ${name}`,
      { without: [name] },
      `convex/lazy.ts must have export const { ${name} } = lazy.functions();`,
    ]),
    [
      "a view's table",
      { schema: { ...lazyTables } },
      "convex/schema.ts must have defineSchema({ …, totals: <its viewTable()> })",
    ],
    ["lazyTables", { schema: tables }, "convex/schema.ts must have defineSchema({ …, ...lazyTables })"],
    ["the route", { hasRoute: false }, "convex/http.ts must call lazy.registerRoutes(http);"],
    ["LAZY_VIEWS_SECRET", { env: { LAZY_VIEWS_SECRET: "" } }, "LAZY_VIEWS_SECRET is not set"],
    ["LAZY_VIEWS_STREAM_SECRET", { env: { LAZY_VIEWS_STREAM_SECRET: "" } }, "LAZY_VIEWS_STREAM_SECRET is not set"],
    ["the stream's own secret", { stream: { secret: "another" } }, "the canary is on its way"],
    ["a stream that posts here", { stream: { path: "/elsewhere" } }, "the canary is on its way"],
  ];

  test.each(cases)("%s", async (_, options, problem) => {
    vi.spyOn(console, "error").mockReturnValue();
    const app = await start(options);
    await app.beat();
    await eventually(async () => expect(await app.problems()).toContainEqual(expect.stringContaining(problem)));
  });
});
