import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^convex-lazy-views$/, replacement: source("./src/index.ts") },
      { find: /^convex-lazy-views\/test$/, replacement: source("./src/test/index.ts") },
    ],
  },
  test: {
    environment: "node",
    include: ["{src,tests,examples}/**/*.test.{ts,tsx}"],
    server: { deps: { inline: ["convex-test"] } },
    reporters: ["default", "./tests/closingLine.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
