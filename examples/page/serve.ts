import { fileURLToPath } from "node:url";
import { createServer } from "vite";
import type { Transport } from "../transports";

/** The deployment of the page. */
export interface PageOptions {
  /** The deployment's address. */
  deployment: string;
  /** How effects leave its queries. */
  transport: Transport;
  /** How often its log stream delivers, if this is the transport. */
  deliveryIntervalMs: number;
  /** The port to try first; the next free one is taken. */
  port: number;
}

/** Serves the page with Vite, for a deployment that is already running. */
export async function servePage({ deployment, transport, deliveryIntervalMs, port }: PageOptions) {
  const server = await createServer({
    configFile: fileURLToPath(new URL("./vite.config.ts", import.meta.url)),
    logLevel: "error",
    server: { port },
    define: {
      "import.meta.env.VITE_CONVEX_URL": JSON.stringify(deployment),
      "import.meta.env.VITE_TRANSPORT": JSON.stringify(transport),
      "import.meta.env.VITE_LOG_STREAM_INTERVAL_MS": JSON.stringify(String(deliveryIntervalMs)),
    },
  });
  await server.listen();
  const url = server.resolvedUrls?.local[0];
  if (!url) throw new Error("Vite serves the page, but names no address.");
  return { url, close: () => server.close() };
}
