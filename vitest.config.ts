import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^convex-lazy-views$/, replacement: source("./src/index.ts") },
      { find: /^convex-lazy-views\/(\w+)$/, replacement: `${source("./src")}/$1/index.ts` },
    ],
  },
  test: {
    environment: "node",
    include: ["{src,tests,examples}/**/*.test.{ts,tsx}"],
    server: { deps: { inline: ["convex-test"] } },
    reporters: ["default", "./tests/closingLine.ts"],
    // Vitest leaves one core free by default; on two cores that is half of them.
    maxWorkers: 2,
    setupFiles: ["./tests/randomness.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
