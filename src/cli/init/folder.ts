import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, posix, relative, sep } from "node:path";
import { CliError } from "../output.js";

/** An app's functions folder, as Convex's CLI finds it. */
export interface FunctionsFolder {
  /** Its absolute path. */
  path: string;
  /** Its path in the app's folder, with `/`, such as `convex`. */
  name: string;
  /** The texts of its source files, by their paths in it, with `/`. */
  files: Map<string, string>;
}

const SOURCE = /^[^.#][^.]*\.([cm]?[jt]s|[jt]sx)$/;

/** @throws CliError that names the file, when `convex.json` or `package.json` is not JSON. */
export async function readFunctionsFolder(app: string): Promise<FunctionsFolder> {
  const { functions } = await readJson<{ functions?: string }>(join(app, "convex.json"));
  const packageJson = await readPackage(app);
  const packages = { ...packageJson.dependencies, ...packageJson.devDependencies };
  const name = posix.normalize(functions ?? ("react-scripts" in packages ? "src/convex" : "convex")).replace(/\/$/, "");
  const path = join(app, name);
  const files = new Map<string, string>();
  await readSources(path, path, files);
  return { path, name, files };
}

/** The fields of a `package.json` that are used. */
export interface PackageJson {
  name?: string;
  version?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

export async function readPackage(folder: string): Promise<PackageJson> {
  return await readJson<PackageJson>(join(folder, "package.json"));
}

/** The object in a JSON file; an empty one, when there is no file. */
async function readJson<T extends object>(path: string): Promise<Partial<T>> {
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    throw new CliError(`${path} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** Reads the schema, and the files that Convex's CLI bundles, without nested components. */
async function readSources(root: string, folder: string, files: Map<string, string>): Promise<void> {
  if (!existsSync(folder)) return;
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const isOther = ["_generated", "_deps", "node_modules"].includes(entry.name);
      const isComponent = existsSync(join(path, "convex.config.ts")) || existsSync(join(path, "convex.config.js"));
      if (!isOther && !isComponent) await readSources(root, path, files);
    } else if (SOURCE.test(entry.name)) {
      files.set(relative(root, path).split(sep).join("/"), await readFile(path, "utf8"));
    }
  }
}
