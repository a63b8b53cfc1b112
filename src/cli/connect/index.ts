import type { Transport } from "../../model/app.js";
import { envList } from "../convexCli.js";
import { findDeployment } from "../deployment.js";
import { currentProblems } from "../logStreams.js";
import { CliError, keepSecret, note } from "../output.js";
import { lookAtApp } from "./app.js";
import { proveByCanary } from "./canary.js";
import { chooseTransport, obstacleTo } from "./choose.js";
import { type ConnectOptions, type Context, Unavailable } from "./context.js";
import { setUpLogTail } from "./logKey.js";
import { setUpLogStream } from "./logStream.js";
import { endOthers } from "./others.js";
import { Report } from "./report.js";
import { endOfRotation, rotateSealSecret, rotateStreamSecret } from "./rotate.js";
import { setUpSealSecret } from "./sealSecret.js";

const SET_UP: Record<Transport, (context: Context) => Promise<void>> = {
  logStream: setUpLogStream,
  logTail: setUpLogTail,
  client: async ({ report }) =>
    report.found("Clients with the wrappers of /react, /client or /nextjs forward effects."),
};

/**
 * Connects a deployment, step by step: finds it, lists its functions, makes the secret that seals effects, sets up a
 * transport, rotates secrets with `--rotate`, and sends an effect the whole way. It changes nothing that is set up.
 *
 * @returns Whether the effect has arrived.
 * @throws CliError with the remedy, when a step cannot be done.
 */
export async function connect(options: ConnectOptions): Promise<boolean> {
  const report = new Report(options.json === true);
  const deployment = await findDeployment(options);
  report.found(`The deployment is ${deployment.describe}.`);
  const [app, variables] = await Promise.all([lookAtApp(deployment, options.module), envList(deployment)]);
  report.found(`convex/${app.module}.ts exports the library's functions.`);
  for (const [name, value] of Object.entries(variables)) if (name.startsWith("LAZY_VIEWS_")) keepSecret(value);
  const context: Context = { options, deployment, app, variables, report };
  const before = { ...variables };
  // The transport is chosen first, so that an error there leaves everything as it was.
  const choice = await chooseTransport(context);
  await setUpSealSecret(context);
  const transport = await setUpTransport(context, choice);
  if (options.rotate) await rotate(context, transport, before);
  await endOthers(context, transport);
  const { hasArrived, delayMs, problems: reported } = await proveByCanary(context);
  const problems = await currentProblems(deployment, reported);
  const { module } = app;
  report.end({ deployment: deployment.url, module, transport, connected: hasArrived, canaryMs: delayMs, problems });
  if (!hasArrived && !options.json) {
    const seen = problems.map((problem) => `- ${problem}`).join("\n");
    throw new CliError(`The effect has not arrived within 90 s by ${transport}. inspect reports:\n${seen}`);
  }
  const commands = options.rotate ? endOfRotation(context) : [];
  if (commands.length > 0) {
    note("Effects that the old secrets sealed or signed are still accepted. An hour from now, end the rotation:");
    for (const command of commands) note(`  ${command}`);
  }
  return hasArrived;
}

/** Rotates the secrets that were set before this run. Those that it has made are new anyway. */
async function rotate(context: Context, transport: Transport, before: Record<string, string>): Promise<void> {
  if (before.LAZY_VIEWS_SECRET) await rotateSealSecret(context);
  if (transport === "logStream" && before.LAZY_VIEWS_STREAM_SECRET) await rotateStreamSecret(context);
  if (before.LAZY_VIEWS_LOG_KEY && context.options.logKey === undefined) {
    context.report.found("LAZY_VIEWS_LOG_KEY stays: to replace it, make another key and give it with --log-key.");
  }
}

/** Sets up a transport. If it was the default, and the deployment refuses it, sets up the log tail in its place. */
async function setUpTransport(
  context: Context,
  { transport, isFixed }: { transport: Transport; isFixed: boolean },
): Promise<Transport> {
  try {
    await SET_UP[transport](context);
    return transport;
  } catch (error) {
    const isReplaceable = error instanceof Unavailable && !isFixed && transport === "logStream";
    if (!isReplaceable || obstacleTo("logTail", context)) throw error;
    context.report.warned(`${error.message} The transport logTail takes its place.`);
    await SET_UP.logTail(context);
    return "logTail";
  }
}
