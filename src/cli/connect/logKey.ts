import { ApiError, deploymentFetch } from "../api.js";
import { localSetting } from "../deployment.js";
import { CliError, keepSecret } from "../output.js";
import { agree, askSecret, isInteractive } from "../prompts.js";
import { type Context, Unavailable } from "./context.js";
import { setVariables } from "./sealSecret.js";

/**
 * A poll that is not refused within this time has a key that is accepted, in ms. It may wait for the log's next entry.
 */
const PATIENCE_MS = 15_000;

const HOW_TO_MAKE_A_LOG_KEY =
  "Make a key that may only view logs: in the dashboard, Settings → Deploy keys → Create Deploy Key, " +
  "with the permission deployment:logs:view alone. Give it with --log-key, or as LAZY_VIEWS_LOG_KEY in the environment.";

/** Only Convex's cloud has keys that may do less. */
const ONLY_ADMIN_KEYS = "This deployment has only keys that may do everything. Give one with --log-key.";

/** How to get a key for the log, for messages. */
const howToMakeALogKey = ({ kind }: Pick<Context["deployment"], "kind">): string =>
  kind === "cloud" ? HOW_TO_MAKE_A_LOG_KEY : ONLY_ADMIN_KEYS;

/**
 * Sets the key with which the action `tail` reads the function log, after a poll with it has worked. It takes the key
 * of `--log-key`; else the one that is set; else `LAZY_VIEWS_LOG_KEY` of the environment; else one that the user
 * enters; else the key of this command.
 *
 * @throws Unavailable with the remedy, when there is no key, or the log refuses it.
 */
export async function setUpLogTail(context: Context): Promise<void> {
  const { options, variables, report } = context;
  const { LAZY_VIEWS_LOG_KEY: current } = variables;
  if (current && (options.logKey === undefined || options.logKey === current)) {
    await checkLogKey(context, current, "LAZY_VIEWS_LOG_KEY of the deployment");
    report.found("LAZY_VIEWS_LOG_KEY is set, and may read the function log.");
    return;
  }
  const key = keepSecret(await pickLogKey(context));
  await checkLogKey(context, key, "The key");
  await setVariables(context, { LAZY_VIEWS_LOG_KEY: key });
  report.changed("Set LAZY_VIEWS_LOG_KEY to a key that may read the function log.");
}

async function pickLogKey(context: Context): Promise<string> {
  const { options, deployment, report } = context;
  const given = options.logKey ?? process.env.LAZY_VIEWS_LOG_KEY ?? localSetting("LAZY_VIEWS_LOG_KEY", options);
  if (given) return given;
  const { key, kind } = deployment;
  const isLimitable = kind === "cloud";
  const advice = howToMakeALogKey(deployment);
  if (!options.yes && isInteractive()) {
    if (isLimitable) {
      const pasted = await askSecret(`${HOW_TO_MAKE_A_LOG_KEY}\nPaste it here, or leave this empty:`);
      if (pasted) return pasted.trim();
    }
    const question = "Store this command's own key on the deployment? It may do everything there.";
    if (key !== null && (await agree(question))) return key;
    throw new Unavailable(
      `The transport logTail needs a key that may view logs. ${advice} Or choose another transport.`,
    );
  }
  if (key === null || !options.yes) {
    const orStore = key === null ? "" : " Or give --yes, and this command's own key is stored on the deployment.";
    throw new Unavailable(`The transport logTail needs a key that may view logs. ${advice}${orStore}`);
  }
  report.warned(
    "LAZY_VIEWS_LOG_KEY is this command's own key, which may do everything. " +
      (isLimitable ? `A smaller one is better. ${HOW_TO_MAKE_A_LOG_KEY}` : "Functions of your app can read it."),
  );
  return key;
}

/** @throws Unavailable when the function log refuses the key. */
export async function checkLogKey(
  { deployment }: Pick<Context, "deployment">,
  key: string,
  what: string,
): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const path = "/api/stream_function_logs?cursor=0";
  try {
    const response = await deploymentFetch(deployment, path, { key, signal });
    await response.body?.cancel();
    if (!response.ok) throw new CliError(`${path} answered ${response.status}. This deployment has no function log.`);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    throw new Unavailable(`${what} is refused: ${error.message} ${howToMakeALogKey(deployment)}`);
  }
}
