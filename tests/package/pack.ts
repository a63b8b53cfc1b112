import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, succeeded } from "./run.js";

/** The root of this repository. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const LEFT_OUT = new Set(["node_modules", ".git", "dist"].map((name) => join(ROOT, name)));

/**
 * Packs a copy of the working tree, as `npm publish` would: from a copy, since `prepack` builds `dist` anew, which
 * would pull it from under whoever uses it meanwhile, and since an old `dist` must not slip into the tarball.
 *
 * @returns The folder of the unpacked tarball.
 */
export async function packAndUnpack(temp: string): Promise<string> {
  const tree = join(temp, "tree");
  await cp(ROOT, tree, { recursive: true, filter: (path) => !LEFT_OUT.has(path) });
  await symlink(join(ROOT, "node_modules"), join(tree, "node_modules"));
  succeeded(await run("npm", ["pack", "--offline", "--pack-destination", temp], { cwd: tree }));
  const [tarball] = (await readdir(temp)).filter((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack left no tarball");
  const unpacked = join(temp, "unpacked");
  await mkdir(unpacked);
  succeeded(await run("tar", ["-xzf", join(temp, tarball), "-C", unpacked], { cwd: temp }));
  return join(unpacked, "package");
}

/** The files below a folder, as sorted paths with `/`. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .map((path) => path.replaceAll("\\", "/"))
    .sort();
}
