import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, succeeded } from "./run.js";

/** The root of this repository. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const LEFT_OUT = new Set(["node_modules", ".git", "dist"]);

/**
 * Packs the working tree, as `npm publish` would. It packs a copy, because `prepack` deletes and rebuilds `dist`, which
 * other tests use meanwhile, and because files of an old `dist` must not get into the tarball.
 *
 * @returns The tarball, and the folder with its content.
 */
export async function packAndUnpack(temp: string): Promise<{ tarball: string; unpacked: string }> {
  const tree = join(temp, "tree");
  await cp(ROOT, tree, { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) });
  await symlink(join(ROOT, "node_modules"), join(tree, "node_modules"));
  succeeded(await run("npm", ["pack", "--offline", "--pack-destination", temp], { cwd: tree }));
  const [name] = (await readdir(temp)).filter((file) => file.endsWith(".tgz"));
  if (name === undefined) throw new Error("npm pack left no tarball");
  const tarball = join(temp, name);
  const folder = join(temp, "unpacked");
  await mkdir(folder);
  succeeded(await run("tar", ["-xzf", tarball, "-C", folder], { cwd: temp }));
  return { tarball, unpacked: join(folder, "package") };
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
