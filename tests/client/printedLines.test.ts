import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { expect, onTestFinished, test } from "vitest";
import WebSocket from "ws";
import { api } from "../../examples/convex/_generated/api";
import { startExampleBackend } from "../../examples/exampleBackend";
import type { Transport } from "../../examples/transports";
import { eventually } from "../eventually";

/** What Convex's own clients print of an answer whose row is missing, on a deployment that sends them its log lines. */
async function printed(transport: Transport): Promise<unknown[][]> {
  const backend = await startExampleBackend({ transport });
  onTestFinished(() => backend.close());
  const lines: unknown[][] = [];
  const ignore = () => {};
  // By default, `log` is that of the browser's console.
  const logger = { log: (...args: unknown[]) => lines.push(args), warn: ignore, error: ignore, logVerbose: ignore };
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
