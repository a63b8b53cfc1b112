import { fileURLToPath } from "node:url";
import { compile, type Edit, type Program } from "./engine/program.js";
import { withOldReleases } from "./upgrade.js";

const entry = fileURLToPath(new URL("app.ts", import.meta.url));

/** Compiles the simulation's own app, with bugs planted in the library; deployments may have older releases of it. */
export async function compileApp(edits: readonly Edit[] = []): Promise<Program> {
  return await withOldReleases(await compile({ entry, edits }));
}
