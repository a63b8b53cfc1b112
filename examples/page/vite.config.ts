import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The page finds its deployment in `VITE_CONVEX_URL`, which `npx convex dev` writes to `.env.local`
 * and the demo sets by itself.
 */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  envDir: repository,
  plugins: [react()],
  resolve: { alias: [{ find: /^convex-lazy-views\/(\w+)$/, replacement: `${repository}/src/$1/index.ts` }] },
  server: { fs: { allow: [repository] } },
  optimizeDeps: { include: ["react", "react-dom/client", "convex/react", "convex/server", "convex/browser"] },
});
