import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Modules } from "./backend";

/** The modules of the example app, as `convexTest` and the embedded backend take them. */
export const modules: Modules = modulesIn(fileURLToPath(new URL("./convex/", import.meta.url)));

/**
 * The modules in a directory: path → loader. It does in plain Node what `import.meta.glob("./convex/**\/*.{ts,js}")`
 * does in Vite.
 */
export function modulesIn(directory: string): Modules {
  return Object.fromEntries(
    readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((file) => /(?<!\.d|\.test|\.config)\.[jt]s$/.test(file))
      .map((file) => [`./${file.replaceAll("\\", "/")}`, () => import(pathToFileURL(join(directory, file)).href)]),
  );
}
