import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { TEST_LIMIT_MS, WAIT_LIMIT_MS } from "./tests/limits.js";
import LongestFirst from "./tests/longestFirst.js";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Tests that drive a browser: they share one. */
const BROWSER = ["tests/browser/*.test.ts", "tests/client/page.test.ts"];

export default defineConfig({
  resolve: {
    alias: [
      { find: /^convex-lazy-views$/, replacement: source("./src/index.ts") },
      { find: /^convex-lazy-views\/(\w+)$/, replacement: `${source("./src")}/$1/index.ts` },
    ],
  },
  test: {
    environment: "node",
    server: { deps: { inline: ["convex-test"] } },
    reporters: ["default", "./tests/reporter.ts"],
    // One more than cores: the tests of the demo and the tour wait most of the time.
    maxWorkers: availableParallelism() + 1,
    // Files of one worker share the modules that they import, which halves the time. Such a module is evaluated once,
    // so a hook in it would belong to the first file only. tests/setup.ts puts back clock, environment and randomness.
    isolate: false,
    setupFiles: ["./tests/setup.ts"],
    sequence: { sequencer: LongestFirst },
    testTimeout: TEST_LIMIT_MS,
    hookTimeout: TEST_LIMIT_MS,
    expect: { poll: { timeout: WAIT_LIMIT_MS } },
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          include: ["{src,tests,examples}/**/*.test.{ts,tsx}"],
          exclude: BROWSER,
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: BROWSER,
          globalSetup: "./tests/browser/globalSetup.ts",
        },
      },
    ],
  },
});
