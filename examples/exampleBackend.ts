import { randomBytes } from "node:crypto";
import { startBackend } from "./backend";
import { components } from "./components";
import schema from "./convex/schema";
import { modules } from "./modules";
import { unsealed } from "./unsealed";

/**
 * The example app on the embedded backend, with secrets of its own and a log stream to its route.
 *
 * @param options.intervalMs - How often the log stream delivers; a real one does every 5,000 ms.
 */
export async function startExampleBackend(options: { intervalMs: number; port?: number }) {
  const { intervalMs, port = 0 } = options;
  const secret = randomBytes(32).toString("hex");
  const sealSecret = randomBytes(32).toString("hex");
  return await startBackend({
    schema,
    modules,
    components,
    port,
    env: {
      LAZY_VIEWS_SECRET: sealSecret,
      LAZY_VIEWS_STREAM_SECRET: secret,
    },
    readable: (message) => unsealed(message, sealSecret),
    logStream: { path: "/lazy-views/effects", secret, intervalMs },
  });
}
