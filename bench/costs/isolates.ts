import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Isolates } from "../../tests/simulation/engine/backend";
import { compile } from "../../tests/simulation/engine/program";
import type { Deployment } from "./player";

const resolve = createRequire(import.meta.url).resolve;
const aggregate = resolve("@convex-dev/aggregate/convex.config.js");

/** The folders of the app's components, by where they are mounted. */
export const COMPONENT_FOLDERS = {
  actionCache: dirname(resolve("@convex-dev/action-cache/convex.config.js")),
  aggregate: dirname(aggregate),
  "aggregate/batchWorker": dirname(createRequire(aggregate).resolve("@convex-dev/batch-worker/convex.config.js")),
};

/** The app's code, compiled for the simulator. */
export async function compileStrategies(): Promise<Isolates<Deployment>> {
  const entry = join(fileURLToPath(new URL(".", import.meta.url)), "app/index.ts");
  const program = await compile({ entry, components: COMPONENT_FOLDERS });
  return new Isolates<Deployment>(program, { keepsActions: true });
}
