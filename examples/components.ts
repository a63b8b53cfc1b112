import { createRequire } from "node:module";
import { dirname } from "node:path";
import type { Component, Components } from "./backend";
import { modulesIn } from "./modules";

const aggregate = createRequire(import.meta.url).resolve("@convex-dev/aggregate/convex.config.js");
const batchWorker = createRequire(aggregate).resolve("@convex-dev/batch-worker/convex.config.js");

/**
 * The components of the example app and the components inside them, by the paths where they are mounted. The packages'
 * own `/test` entries need Vite; this works in plain Node too. In a test:
 *
 * ```ts
 * const t = convexTest(schema, modules);
 * for (const [path, component] of Object.entries(components)) {
 *   t.registerComponent(path, component.schema, component.modules);
 * }
 * ```
 */
export const components: Components = {
  aggregate: await componentAt(dirname(aggregate)),
  "aggregate/batchWorker": await componentAt(dirname(batchWorker)),
};

async function componentAt(directory: string): Promise<Component> {
  const modules = modulesIn(directory);
  const schema = (await modules["./schema.js"]?.()) as { default: Component["schema"] };
  return { schema: schema.default, modules };
}
