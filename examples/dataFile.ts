import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The text of a file of `vega-datasets`. */
export function dataFile(name: string): string {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  return readFileSync(join(dirname(entry), "../data", name), "utf8");
}
