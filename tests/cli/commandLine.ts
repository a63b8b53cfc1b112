import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Backend, type BackendOptions, startBackend } from "../../examples/backend";
import { WAIT_LIMIT_MS } from "../limits";
import { ROOT } from "../package/pack";
import type { Run } from "../package/run";
import { modules, schema } from "./shop";

export type ShopBackend = Backend<typeof schema>;

/** The shop on an embedded backend, closed when the test ends. */
export async function startShop(options: Partial<BackendOptions<typeof schema>> = {}): Promise<ShopBackend> {
  const backend = await startBackend({ schema, modules, ...options });
  onTestFinished(() => backend.close());
  return backend;
}

/** Makes an app's folder with the packages that this repository has installed. It is removed when the test ends. */
export async function appFolder(files: Record<string, string> = {}): Promise<string> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), "convex-lazy-views-app-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await mkdir(join(folder, "convex"));
  const manifest = JSON.stringify({ name: "app", private: true, type: "module", dependencies: { convex: "*" } });
  for (const [file, text] of Object.entries({ "package.json": manifest, ...files })) {
    await writeFile(join(folder, file), text);
  }
  return folder;
}

/** The variables that name a deployment. */
export function variablesOf({ url, adminKey }: Pick<ShopBackend, "url" | "adminKey">): Record<string, string> {
  return { CONVEX_SELF_HOSTED_URL: url, CONVEX_SELF_HOSTED_ADMIN_KEY: adminKey };
}

/**
 * Runs `npx convex-lazy-views` in a folder, from this repository's source, until it exits. Its environment has only
 * what a program needs and `env`, so that it does not get the variables of a backend in this process.
 *
 * @throws Error with its output, when it does not exit.
 */
export async function commandLine(folder: string, env: Record<string, string>, ...args: string[]): Promise<Run> {
  const command = ["--import", "tsx", join(ROOT, "src/cli/index.ts"), ...args];
  const { PATH = "" } = process.env;
  const options = { cwd: folder, env: { PATH, HOME: folder, NO_COLOR: "1", ...env }, timeout: WAIT_LIMIT_MS };
  return await new Promise((resolve, reject) => {
    const child = execFile(process.execPath, command, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === "number") resolve({ code, stdout, stderr });
      else reject(new Error(`${error?.message}\n${stdout}\n${stderr}`, { cause: error }));
    });
    child.stdin?.end();
  });
}
