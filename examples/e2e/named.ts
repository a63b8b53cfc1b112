/** Pushes the examples to the deployment that the environment names, and connects its transport. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type CliTarget, convexCli, functionSpec } from "../../src/cli/convexCli";
import { type Deployment, findDeployment } from "../../src/cli/deployment";
import { CliError } from "../../src/cli/output";
import { type Transport, toTransport } from "../transports";
import type { ExamplesDeployment } from "./run";

const COMMAND_LINE = fileURLToPath(new URL("../../src/cli/index.ts", import.meta.url));

/** A deployment that has this function has the examples. */
const OURS = "rollups/dashboard.js:stats";

/** What the embedded backend answers to a push. */
const TAKES_NO_CODE = /embedded backend runs the app that it was started with/;

/** Whether the environment itself names a deployment; `.env.local` does not count here. */
export function isDeploymentNamed({ env } = process): boolean {
  return Boolean((env.CONVEX_SELF_HOSTED_URL && env.CONVEX_SELF_HOSTED_ADMIN_KEY) || env.CONVEX_DEPLOY_KEY);
}

/**
 * Pushes the examples to the deployment, and connects it.
 *
 * @param options.transport - Default: the transport that `convex-lazy-views connect` chooses.
 * @param options.replace - Whether the push may replace the functions of another app.
 * @throws CliError with the remedy, when it cannot do so.
 */
export async function prepareDeployment(
  options: { transport: Transport | undefined; replace: boolean },
  say: (text: string) => void,
): Promise<ExamplesDeployment> {
  const deployment = await findDeployment();
  const { url, key, describe } = deployment;
  if (key === null) throw new CliError(`${describe} needs a key: set CONVEX_DEPLOY_KEY.`);
  say(`The deployment is ${describe}.`);
  await refuseOtherApps(deployment, options.replace);
  say(await push(deployment));
  const transport = await connect(deployment, options.transport);
  return { url, adminKey: key, transport };
}

async function refuseOtherApps({ describe, ...target }: CliTarget & Pick<Deployment, "describe">, replace: boolean) {
  const { functions } = await functionSpec({ env: target.env, args: target.args });
  const names = functions.flatMap(({ identifier }) => identifier ?? []);
  if (replace || names.length === 0 || names.includes(OURS)) return;
  throw new CliError(
    `${describe} has functions of another app, such as ${names[0]}, and pushing the examples removes them. ` +
      "Name an empty deployment, or say `npm run e2e -- --replace`.",
  );
}

/** Returns a text that says whether the examples were pushed. */
async function push(target: CliTarget): Promise<string> {
  const options = ["--yes", "--typecheck", "disable", "--codegen", "disable"];
  const { code, stdout, stderr } = await convexCli(target, ["deploy", ...options]);
  if (code === 0) return "Pushed examples/convex by npx convex deploy.";
  if (TAKES_NO_CODE.test(stderr)) return "It is an embedded backend, which runs the examples already: pushed nothing.";
  throw new CliError(`npx convex deploy failed:\n${stderr.trim() || stdout.trim()}`);
}

/** Runs `convex-lazy-views connect`, and returns the transport that the deployment has now. */
async function connect({ env, args }: CliTarget, transport: Transport | undefined): Promise<Transport> {
  const asked = transport === undefined ? [] : ["--transport", transport];
  const command = ["--import", "tsx", COMMAND_LINE, "connect", "--yes", "--json", ...asked, ...args];
  const child = spawn(process.execPath, command, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const output = await text(child.stdout);
  const found = output.trim() === "" ? {} : (JSON.parse(output) as Partial<ConnectReport>);
  if (found.connected && found.transport !== undefined) return toTransport(found.transport);
  throw new CliError(`npx convex-lazy-views connect failed. ${found.problems?.join(" ") ?? ""}`);
}

/** What `connect --json` prints. */
interface ConnectReport {
  transport: string;
  connected: boolean;
  problems: string[];
}
