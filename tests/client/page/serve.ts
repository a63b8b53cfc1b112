import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { createServer } from "vite";

const below = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Serves the page for a deployment. Imports of this package resolve to `src`. */
export async function servePage(deployment: string, preloaded: unknown) {
  const server = await createServer({
    configFile: false,
    root: below("."),
    cacheDir: below("../../../node_modules/.vite/tests-client"),
    logLevel: "error",
    plugins: [react()],
    resolve: {
      alias: [{ find: /^convex-lazy-views\/(\w+)$/, replacement: `${below("../../../src")}/$1/index.ts` }],
    },
    server: { fs: { allow: [below("../../..")] } },
    optimizeDeps: {
      include: ["react", "react-dom/client", "convex/react", "convex/server", "convex/browser"],
    },
    define: {
      DEPLOYMENT: JSON.stringify(deployment),
      PRELOADED: JSON.stringify(preloaded),
    },
  });
  await server.listen(0);
  const url = server.resolvedUrls?.local[0];
  if (!url) throw new Error("Vite serves the page, but names no address.");
  return { url, close: () => server.close() };
}
