import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Command } from "commander";
import { deploymentFetch } from "./api.js";
import { type FunctionSpec, functionSpec } from "./convexCli.js";
import { CliError, keepSecret } from "./output.js";

/** The deployment that a command works on. */
export interface Deployment {
  /** Where its API is: `https://happy-animal-123.convex.cloud`. Without a slash at its end. */
  url: string;
  /** Where its HTTP actions are: `https://happy-animal-123.convex.site`. */
  siteUrl: string;
  /** An admin or deploy key; null when the official CLI acts as a user who is logged in. */
  key: string | null;
  /** Its description for messages: `https://happy-animal-123.convex.cloud (cloud)`. */
  describe: string;
  kind: "cloud" | "self-hosted" | "local";
  /** The environment with which the official CLI acts on the same deployment. */
  env: Record<string, string>;
  /** The options with which it does: `["--prod"]`. Empty if the environment is enough. */
  args: string[];
  /** Its functions, if they were listed to find the deployment. */
  spec?: FunctionSpec;
}

/** The options of Convex's own CLI that select a deployment. */
export interface DeploymentSelection {
  prod?: boolean;
  previewName?: string;
  deployment?: string;
  envFile?: string;
  url?: string;
  adminKey?: string;
}

/** Adds the options that select a deployment to a command: the same as those of Convex's own CLI. */
export function deploymentOptions(command: Command): Command {
  return command
    .option("--prod", "the project's production deployment")
    .option("--preview-name <name>", "the preview deployment of this name")
    .option("--deployment <name>", "a deployment by its name or reference")
    .option("--env-file <file>", "the file whose variables name the deployment, in place of .env.local and .env")
    .option("--url <url>", "a deployment by its URL; needs an admin key")
    .option("--admin-key <key>", "the admin key. Or set CONVEX_SELF_HOSTED_ADMIN_KEY in the environment");
}

/** Set, so that no variable of `.env.local` selects another deployment. */
const CLEARED = { CONVEX_DEPLOYMENT: "", CONVEX_DEPLOY_KEY: "", CONVEX_DEPLOYMENT_TOKEN: "" };

type Setting = (name: string) => string | undefined;

/**
 * Finds the deployment as Convex's own CLI does: by the options; else by the variables of the environment, of
 * `.env.local` and of `.env`. Asks Convex's CLI for the URL of a name.
 *
 * @throws CliError when none is configured, or it does not answer, or it refuses the key.
 */
export async function findDeployment(options: DeploymentSelection = {}): Promise<Deployment> {
  const setting = settings(options.envFile);
  const explicit = explicitDeployment(options, setting);
  if (explicit) return await withKey(explicit.url, explicit.key, "self-hosted");
  const isSelected = options.prod || options.previewName || options.deployment;
  if (!isSelected && !setting("CONVEX_DEPLOYMENT") && !deployKey(setting)) {
    throw new CliError(
      `No Convex deployment is configured ${options.envFile ? `in ${options.envFile}` : "here"}. ` +
        "Run `npx convex dev --once` in your app's folder first, or set CONVEX_DEPLOY_KEY, or " +
        "CONVEX_SELF_HOSTED_URL and CONVEX_SELF_HOSTED_ADMIN_KEY.",
    );
  }
  const args = selectionArgs(options);
  const spec = await functionSpec({ env: {}, args });
  const url = spec.url.replace(/\/$/, "");
  const local = localDeployment(url, setting);
  if (local) return { ...(await withKey(url, local.adminKey, "local")), spec };
  const key = deployKey(setting);
  if (key && isKeyOf(key, url)) return { ...(await withKey(url, key, "cloud")), spec };
  const siteUrl = guessSiteUrl(url);
  return { url, siteUrl, key: null, kind: "cloud", describe: `${url} (cloud)`, env: {}, args, spec };
}

function settings(envFile: string | undefined): Setting {
  if (envFile !== undefined) {
    if (!existsSync(envFile)) throw new CliError(`The file ${envFile} of --env-file does not exist.`);
    const file = readEnv(envFile);
    return (name) => file[name] || undefined;
  }
  const files = [readEnv(".env.local"), readEnv(".env")];
  return (name) => [process.env, ...files].find((file) => file[name] !== undefined)?.[name] || undefined;
}

function readEnv(file: string): NodeJS.Dict<string> {
  return existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {};
}

/** The value of one setting, as the official CLI finds it: the environment, `.env.local`, `.env`. */
export function localSetting(name: string, { envFile }: DeploymentSelection = {}): string | undefined {
  return settings(envFile)(name);
}

function explicitDeployment({ url, adminKey }: DeploymentSelection, setting: Setting) {
  const ownKey = setting("CONVEX_SELF_HOSTED_ADMIN_KEY");
  if (url !== undefined) {
    const key = adminKey ?? ownKey ?? deployKey(setting);
    if (key) return { url, key };
    throw new CliError(
      "--url needs a key: set CONVEX_SELF_HOSTED_ADMIN_KEY or CONVEX_DEPLOY_KEY, or give --admin-key.",
    );
  }
  // A deploy key comes first in Convex's own CLI, too.
  const ownUrl = deployKey(setting) ? undefined : setting("CONVEX_SELF_HOSTED_URL");
  if (!ownUrl || !ownKey) return null;
  if (setting("CONVEX_DEPLOYMENT")) {
    throw new CliError(
      "CONVEX_DEPLOYMENT and CONVEX_SELF_HOSTED_URL both name a deployment. Unset one of them, also in .env.local.",
    );
  }
  return { url: ownUrl, key: ownKey };
}

/** The deploy key. A value such as `<ignore_deploy_key>` stands for none. */
function deployKey(setting: Setting): string | undefined {
  const key = setting("CONVEX_DEPLOY_KEY") ?? setting("CONVEX_DEPLOYMENT_TOKEN");
  return key && !key.startsWith("<") ? key : undefined;
}

/**
 * Whether the deployment accepts the key. `dev:happy-animal-123|…` is for one deployment; `project:…|…` and
 * `preview:team:project|…` are for none. The URL of a custom domain does not say which deployment it is.
 */
function isKeyOf(key: string, url: string): boolean {
  const [name = ""] = key.split("|");
  const { hostname } = new URL(url);
  if (/^(project|preview:[^:]*):/.test(name)) return false;
  return !hostname.endsWith(".convex.cloud") || hostname.split(".")[0] === name.split(":").at(-1);
}

function selectionArgs({ prod, previewName, deployment, envFile }: DeploymentSelection): string[] {
  const named = { "--preview-name": previewName, "--deployment": deployment, "--env-file": envFile };
  const given = Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  return prod ? ["--prod", ...given] : given;
}

/** The admin key of the local deployment at this address, which Convex's CLI has stored in a file. */
function localDeployment(url: string, setting: Setting): { adminKey: string } | null {
  const { hostname, port } = new URL(url);
  if (hostname !== "127.0.0.1" && hostname !== "localhost") return null;
  const name = setting("CONVEX_DEPLOYMENT")?.split(":").at(-1) ?? "";
  const home = join(homedir(), ".convex");
  const folders = [
    join(".convex", "local", "default"),
    join(home, "convex-backend-state", name),
    join(home, "anonymous-convex-backend-state", name),
  ];
  for (const folder of folders) {
    const file = join(folder, "config.json");
    if (!existsSync(file)) continue;
    const { ports, adminKey } = JSON.parse(readFileSync(file, "utf8")) as {
      ports?: { cloud?: number };
      adminKey?: string;
    };
    if (adminKey && String(ports?.cloud) === port) return { adminKey };
  }
  return null;
}

async function withKey(address: string, key: string, kind: Deployment["kind"]): Promise<Deployment> {
  keepSecret(key);
  const url = address.replace(/\/$/, "");
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new CliError(`"${address}" is not the URL of a deployment, such as http://127.0.0.1:3210.`);
  }
  const env = { ...CLEARED, CONVEX_SELF_HOSTED_URL: url, CONVEX_SELF_HOSTED_ADMIN_KEY: key };
  const isCloud = new URL(url).hostname.endsWith(".convex.cloud");
  const found = isCloud ? "cloud" : kind;
  const describe = `${url} (${found})`;
  const siteUrl = await siteUrlOf({ url, key, kind: found });
  return { url, siteUrl, key, kind: found, describe, env, args: [] };
}

/** Asks the deployment for it: with a custom domain or a self-hosted deployment, it does not follow from the URL. */
async function siteUrlOf(deployment: Pick<Deployment, "url" | "key" | "kind">): Promise<string> {
  const response = await deploymentFetch(deployment, "/api/v1/get_canonical_urls");
  if (!response.ok) return guessSiteUrl(deployment.url);
  const { convexSiteUrl } = (await response.json()) as { convexSiteUrl?: string };
  return (convexSiteUrl ?? guessSiteUrl(deployment.url)).replace(/\/$/, "");
}

function guessSiteUrl(url: string): string {
  return url.replace(/\.convex\.cloud$/, ".convex.site");
}
