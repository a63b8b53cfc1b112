import { fileURLToPath } from "node:url";
import { createServer } from "vite";

/** What the page has to know about its deployment. */
export interface PageOptions {
  /** The deployment's address. */
  deployment: string;
  /** How often its log stream delivers. */
  deliveryIntervalMs: number;
  /** The port to try first; the next free one is taken. */
  port: number;
}

/** Serves the page with Vite, for a deployment that is already running. */
export async function servePage({ deployment, deliveryIntervalMs, port }: PageOptions) {
  const server = await createServer({
    configFile: fileURLToPath(new URL("./vite.config.ts", import.meta.url)),
    logLevel: "error",
    server: { port },
    define: {
      "import.meta.env.VITE_CONVEX_URL": JSON.stringify(deployment),
      "import.meta.env.VITE_LOG_STREAM_INTERVAL_MS": JSON.stringify(String(deliveryIntervalMs)),
    },
  });
  await server.listen();
  const url = server.resolvedUrls?.local[0];
  if (!url) throw new Error("Vite serves the page, but names no address.");
  return { url, close: () => server.close() };
}
