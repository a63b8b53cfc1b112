import type { FunctionArgs, FunctionReference, FunctionReturnType } from "convex/server";
import type { Value } from "convex/values";
import { ConvexClient, ConvexHttpClient } from "convex-lazy-views/client";
import { ConvexReactClient } from "convex-lazy-views/react";
import { expect, onTestFinished, vi } from "vitest";
import WebSocket from "ws";
import { type Backend, startBackend } from "../../examples/backend/index";
import { UNSTORABLE } from "../../src/effects/transports/envelope";
import { eventually } from "../eventually";
import { modules, schema } from "./app";

export type AppBackend = Backend<typeof schema>;

/** The test's app on a backend, with 3 items in the list `a`, whose totals were never computed. */
export async function startApp(): Promise<AppBackend> {
  const env = { LAZY_VIEWS_SECRET: "0123456789abcdef0123456789abcdef" };
  const backend = await startBackend({ schema, modules, env });
  onTestFinished(() => backend.close());
  await backend.run(async (ctx) => {
    for (const n of [1, 2, 3]) await ctx.db.insert("items", { list: "a", n });
  });
  return backend;
}

const socket = { webSocketConstructor: WebSocket as never, logger: false as const };

export function connect(backend: AppBackend): ConvexClient {
  const client = new ConvexClient(backend.url, socket);
  onTestFinished(() => client.close());
  return client;
}

export function connectReact(backend: AppBackend): ConvexReactClient {
  const client = new ConvexReactClient(backend.url, socket);
  onTestFinished(() => client.close());
  return client;
}

export function connectHttp(backend: AppBackend): ConvexHttpClient {
  return new ConvexHttpClient(backend.url, { logger: false });
}

/** The random number that makes the delay this share of the longest. */
export function drawFor(share: number): number {
  const steepness = Math.log(200) + 1;
  return Math.expm1(steepness * share) / Math.expm1(steepness);
}

/** Sets the delay before subscribed queries forward, as a share of the longest. */
export function delayBy(share: number) {
  // Never 1, for which Convex's client makes invalid session ids.
  vi.spyOn(Math, "random").mockReturnValue(Math.min(drawFor(share), 1 - 2 ** -53));
  onTestFinished(() => void vi.restoreAllMocks());
}

/** The values that a subscription delivers, in order, errors among them. */
export function follow<Query extends FunctionReference<"query">>(
  client: ConvexClient,
  query: Query,
  args: FunctionArgs<Query>,
) {
  const values: (FunctionReturnType<Query> | Error)[] = [];
  const { unsubscribe, getCurrentValue } = client.onUpdate(
    query,
    args,
    (value) => values.push(value),
    (error) => values.push(error),
  );
  return { values, unsubscribe, getCurrentValue };
}

/** The values that a watch of the React client delivers, in order, errors among them. */
export function watch<Query extends FunctionReference<"query">>(
  client: ConvexReactClient,
  query: Query,
  args: FunctionArgs<Query>,
) {
  const watched = client.watchQuery(query, ...([args] as never));
  const values: (FunctionReturnType<Query> | Error | undefined)[] = [];
  const unsubscribe = watched.onUpdate(() => {
    try {
      values.push(watched.localQueryResult());
    } catch (error) {
      values.push(error as Error);
    }
  });
  return { values, unsubscribe, watched };
}

/** How often a function ran. */
export function runs(backend: AppBackend, path: string): number {
  return backend.trace.history().filter((event) => event.type === "execution" && event.path === path && !event.cached)
    .length;
}

/** The seals that `made:forward` was called with, call by call. */
export async function forwards(backend: AppBackend): Promise<string[][]> {
  const calls = await backend.run((ctx) => ctx.db.query("forwards").collect());
  return calls.map(({ seals }) => seals);
}

/** An envelope with this value and these seals. */
export function envelope(value: Value, seals: string[], forward = "made:forward") {
  return { value, seals, once: [] as string[], forward, lazyViews: UNSTORABLE };
}

export const seals = (count: number) => Array.from({ length: count }, (_, index) => `seal ${index}`);

/** Waits until the last of the values is `last`. */
export async function endsWith(values: readonly unknown[], last: unknown): Promise<void> {
  await eventually(() => expect(values.at(-1)).toEqual(last));
}
