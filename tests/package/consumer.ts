import { chmod, cp, mkdir, readFile, rename, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "./pack.js";

const FIXTURE = fileURLToPath(new URL("./consumer", import.meta.url));

/** Packages that the consumer's own code imports, beside those that the package declares. */
const OWN_DEPENDENCIES = ["zod"];

interface Manifest {
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  bin?: Record<string, string>;
}

/**
 * Sets up a project outside of the repository that has the package installed.
 *
 * The unpacked tarball becomes `node_modules/convex-lazy-views`. Only the packages that it declares are linked from the
 * repository. `npm install <tarball>` would do the same, but it asks the registry for the manifests of these packages:
 * it is slow, and fails without a network.
 *
 * @param unpacked - The folder of the unpacked tarball; it is moved.
 */
export async function installConsumer(temp: string, unpacked: string): Promise<string> {
  const consumer = join(temp, "consumer");
  const modules = join(consumer, "node_modules");
  await cp(FIXTURE, consumer, { recursive: true });
  await mkdir(modules);
  const manifest = JSON.parse(await readFile(join(unpacked, "package.json"), "utf8")) as Manifest;
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
  for (const name of [...Object.keys(declared), ...OWN_DEPENDENCIES]) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, "node_modules", name), join(modules, name));
  }
  const installed = join(modules, "convex-lazy-views");
  await rename(unpacked, installed);
  await mkdir(join(modules, ".bin"));
  for (const [name, file] of Object.entries(manifest.bin ?? {})) {
    await chmod(join(installed, file), 0o755);
    await symlink(join("..", "convex-lazy-views", file), join(modules, ".bin", name));
  }
  return consumer;
}
