import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Modules } from "./backend";

/** The modules of the example app, as `convexTest` and the embedded backend want them. */
export const modules: Modules = modulesIn(fileURLToPath(new URL("./convex/", import.meta.url)));

/**
 * The modules in a directory: path → loader. Vite users write `import.meta.glob("./convex/**\/*.{ts,js}")`; this does
 * the same in plain Node.
 */
export function modulesIn(directory: string): Modules {
  return Object.fromEntries(
    readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((file) => /(?<!\.d|\.test|\.config)\.[jt]s$/.test(file))
      .map((file) => [`./${file.replaceAll("\\", "/")}`, () => import(pathToFileURL(join(directory, file)).href)]),
  );
}
