import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { quietLogger } from "convex-lazy-views/client";
import * as react from "convex-lazy-views/react";
import { expect, onTestFinished, test, vi } from "vitest";
import WebSocket from "ws";
import { api } from "../../examples/convex/_generated/api";
import { startExampleBackend } from "../../examples/exampleBackend";
import type { Transport } from "../../examples/transports";
import { eventually } from "../eventually";

/**
 * The lines that Convex's own clients print for a read of a missing row, on a deployment that sends them log lines.
 *
 * @param isQuiet - Whether they have `quietLogger`.
 */
async function printed(transport: Transport, isQuiet = false): Promise<unknown[][]> {
  const backend = await startExampleBackend({ transport });
  onTestFinished(() => backend.close());
  const lines: unknown[][] = [];
  // By default, `log` is the browser console's.
  const log = (...args: unknown[]) => void lines.push(args);
  vi.spyOn(console, "log").mockImplementation(log);
  onTestFinished(() => void vi.restoreAllMocks());
  const ignore = () => {};
  const logger = isQuiet ? quietLogger : { log, warn: ignore, error: ignore, logVerbose: ignore };
  const client = new ConvexClient(backend.url, { webSocketConstructor: WebSocket as never, logger });
  onTestFinished(() => client.close());
  const answers: unknown[] = [];
  client.onUpdate(api.rollups.dashboard.stats, { airport: "SFO" }, (stats) => answers.push(stats));
  await eventually(() => expect(answers).not.toEqual([]));
  await new ConvexHttpClient(backend.url, { logger }).query(api.rollups.dashboard.stats, { airport: "LAX" });
  return lines;
}

test("a development deployment has clients print each line of effects, whatever its level", async () => {
  const line = ["%c[CONVEX Q(rollups/dashboard:stats)] [DEBUG]", expect.any(String)];
  const seal = expect.stringMatching(/^'lazy-views:2:[\w-]+'$/);
  expect(await printed("logStream")).toEqual([
    [...line, seal],
    [...line, seal],
  ]);
});

test("with the transport client alone there are none", async () => {
  expect(await printed("client")).toEqual([]);
});

test("with quietLogger they print none of them", async () => {
  expect(await printed("logStream", true)).toEqual([]);
});

test("quietLogger passes on everything else, as it is", () => {
  const calls: unknown[][] = [];
  for (const method of ["log", "warn", "error"] as const) {
    vi.spyOn(console, method).mockImplementation((...args) => void calls.push([method, ...args]));
  }
  onTestFinished(() => void vi.restoreAllMocks());
  const prefix = ["%c[CONVEX Q(dashboard:stats)] [LOG]", "color:blue"];
  const own = ["'hello'", "'lazy-views: is a library'", "'lazy-views:2:abc' 'and more'", "{ n: 1 }"];
  for (const text of own) quietLogger.log(...prefix, text);
  quietLogger.log(...prefix, "'lazy-views:2:abc-_9'");
  quietLogger.log("WebSocket reconnected at", 7);
  quietLogger.warn("a warning");
  quietLogger.error("[CONVEX Q(dashboard:stats)] 'lazy-views:2:abc-_9'");
  quietLogger.logVerbose("a message of the socket");
  expect(calls).toEqual([
    ...own.map((text) => ["log", ...prefix, text]),
    ["log", "WebSocket reconnected at", 7],
    ["warn", "a warning"],
    ["error", "[CONVEX Q(dashboard:stats)] 'lazy-views:2:abc-_9'"],
  ]);
  expect(react.quietLogger).toBe(quietLogger);
});
