import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { onTestFinished } from "vitest";
import { type Backend, type BackendOptions, type Modules, startBackend } from "../../examples/backend";
import { bundleFunctions, bundleSchema } from "./bundle.js";
import { type Run, run } from "./run.js";

/** Bundles the app of a folder as Convex does. @returns Its schema and modules, for a backend. */
export async function bundleApp(folder: string): Promise<Pick<BackendOptions<never>, "schema" | "modules">> {
  const deployed = join(folder, "deployed");
  const { modules: functions } = await bundleFunctions(folder);
  const { modules: schema } = await bundleSchema(folder);
  for (const [path, source] of Object.entries({ ...functions, ...schema })) {
    const file = join(deployed, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, source);
  }
  const load = async (path: string) => await import(pathToFileURL(join(deployed, path)).href);
  const names = Object.keys(functions).filter((path) => !path.startsWith("_deps/"));
  const modules: Modules = { "./_generated/api.js": async () => ({}) };
  for (const name of names) modules[`./${name}`] = () => load(name);
  return { schema: (await load("schema.js")).default as never, modules };
}

/** Bundles the app of a folder as Convex does, and runs it on an embedded backend until the test ends. */
export async function startConsumer(consumer: string): Promise<Backend<never>> {
  const backend = await startBackend({ ...(await bundleApp(consumer)), logStreamIntervalMs: 100 });
  onTestFinished(() => backend.close());
  return backend;
}

/** Runs a command that the app has installed, with the variables of a deployment. */
export async function npx(consumer: string, backend: Backend<never>, ...command: string[]): Promise<Run> {
  const { url, adminKey } = backend;
  const { PATH } = process.env;
  const env = { PATH, HOME: consumer, CONVEX_SELF_HOSTED_URL: url, CONVEX_SELF_HOSTED_ADMIN_KEY: adminKey };
  return await run("npx", ["--offline", ...command], { cwd: consumer, env });
}
