import { ConvexClient } from "convex/browser";
import { expect, onTestFinished, test } from "vitest";
import WebSocket from "ws";
import { eventually } from "../tests/eventually";
import { api } from "./convex/_generated/api";
import { startExampleBackend } from "./exampleBackend";

test("however short the interval, the log stream loses nothing, and every subscription becomes fresh", async () => {
  const backend = await startExampleBackend({ intervalMs: 5 });
  onTestFinished(() => backend.close());
  const client = new ConvexClient(backend.url, { webSocketConstructor: WebSocket as never, logger: false });
  onTestFinished(() => client.close());
  const states = new Map<string, string>();
  for (let n = 0; n < 40; n++) {
    const airport = `A${n}`;
    client.onUpdate(api.rollups.dashboard.stats, { airport }, ({ state }) => states.set(airport, state));
  }
  await eventually(() => expect([...states.values()]).toEqual(Array(40).fill("fresh")));
  expect(backend.trace.history().filter(({ type }) => type === "loss")).toEqual([]);
});
