import type { Command } from "commander";
import { STREAM_SECRET } from "../../effects/crypto.js";
import { envGet } from "../convexCli.js";
import {
  type Deployment,
  type DeploymentSelection,
  deploymentOptions,
  findDeployment,
  localSetting,
} from "../deployment.js";
import { type LogKeyOptions, logKeyOf, logKeyOption, openLog } from "../logSource.js";
import { CliError, keepSecret, note, print } from "../output.js";
import { type Delivery, relay } from "../relay.js";
import { untilSignal } from "../untilSignal.js";
import { counted } from "../words.js";

type RelayFlags = DeploymentSelection & LogKeyOptions & { verbose?: boolean; json?: boolean };

/** Adds `relay`: reads the function log and posts effects to the route, as a log stream does. */
export function addRelay(program: Command): void {
  const command = program
    .command("relay")
    .summary("carries effects from the function log to the deployment, in place of a log stream")
    .description(
      "Reads the deployment's function log, and posts the effects in it to the library's route of the deployment, as a " +
        "webhook log stream does. It runs until you stop it. Use it in development, or on a server that you run anyway.",
    )
    .option("--verbose", "print one line for each delivery")
    .option("--json", "with --verbose: print each line as a JSON object");
  logKeyOption(deploymentOptions(command))
    .addHelpText(
      "after",
      `
It signs with the ${STREAM_SECRET} of its environment or, if that is not set, of the deployment.

Examples:
  $ npx convex dev --start 'npx convex-lazy-views relay'
  $ LAZY_VIEWS_LOG_KEY=… ${STREAM_SECRET}=… npx convex-lazy-views relay --url https://happy-animal-123.convex.cloud`,
    )
    .action(runRelay);
}

async function runRelay(options: RelayFlags): Promise<void> {
  const signal = untilSignal();
  const { deployment, isLogKeyOnly } = await findSource(options);
  const own = localSetting(STREAM_SECRET, options);
  const secret = async () => keepSecret(own ?? (await secretOfDeployment(deployment, isLogKeyOnly)));
  await secret();
  note(`Relaying effects of ${deployment.describe}. Stop it with Ctrl-C.`);
  await relay({
    log: openLog(deployment, { ...options, signal }),
    siteUrl: deployment.siteUrl,
    secret,
    signal,
    onDelivery: (delivery) => {
      if (options.verbose) print(options.json ? JSON.stringify(delivery) : toLine(delivery));
    },
  });
}

/** Finds the deployment. With a key that may only view logs, it is the one that the key or `--url` names. */
async function findSource(options: RelayFlags): Promise<{ deployment: Deployment; isLogKeyOnly: boolean }> {
  const setting = (name: string) => localSetting(name, options);
  const logKey = logKeyOf(options);
  const selected = options.adminKey ?? OTHER_KEYS.find(setting);
  const url = options.url ?? setting("CONVEX_SELF_HOSTED_URL") ?? urlOf(logKey);
  if (!logKey || selected || !url) return { deployment: await findDeployment(options), isLogKeyOnly: false };
  return { deployment: await findDeployment({ url, adminKey: logKey }), isLogKeyOnly: true };
}

const OTHER_KEYS = ["CONVEX_SELF_HOSTED_ADMIN_KEY", "CONVEX_DEPLOY_KEY", "CONVEX_DEPLOYMENT"];

/** A key of Convex's cloud begins with the deployment's name: `prod:happy-animal-123|…`. */
function urlOf(key: string | undefined): string | undefined {
  const name = /^(?:dev|prod|preview):([\w-]+)\|/.exec(key ?? "")?.[1];
  return name && `https://${name}.convex.cloud`;
}

/** @throws CliError with the command that sets it. */
async function secretOfDeployment(deployment: Deployment, isLogKeyOnly: boolean): Promise<string> {
  if (isLogKeyOnly) {
    throw new CliError(
      `A key that may only view logs cannot read ${STREAM_SECRET}: set it in the relay's environment, ` +
        `to the deployment's: npx convex env get ${STREAM_SECRET}`,
    );
  }
  const secret = await envGet(deployment, STREAM_SECRET);
  if (secret) return secret;
  throw new CliError(
    `The deployment has no ${STREAM_SECRET}. Run: npx convex env set ${STREAM_SECRET} "$(openssl rand -hex 32)"`,
  );
}

/** What the route can have done with an effect, and how a line says it. */
const OUTCOMES: [name: string, words: (count: number) => string][] = [
  ["dispatched", (count) => `${count} dispatched`],
  ["trailing", (count) => `${count} put off`],
  ["duplicates", (count) => counted(count, "duplicate")],
  ["superseded", (count) => `${count} superseded`],
  ["refused", (count) => `${count} refused`],
  ["forged", (count) => `${count} forged`],
];

/** `12:00:01 200 in 14 ms: 3 lines, 2 effects, 1 dispatched, 1 duplicate`. */
function toLine({ at, events, status, ms, answer }: Delivery): string {
  const numbers = answer as Record<string, number | undefined>;
  const outcomes = OUTCOMES.flatMap(([name, words]) => (numbers[name] ? [words(numbers[name])] : []));
  const effects = numbers.effects === undefined ? [] : [counted(numbers.effects, "effect")];
  const error = typeof answer.error === "string" ? [answer.error] : [];
  const what = [counted(events, "line"), ...effects, ...outcomes, ...error].join(", ");
  return `${new Date(at).toTimeString().slice(0, 8)} ${status} in ${ms} ms: ${what}`;
}
