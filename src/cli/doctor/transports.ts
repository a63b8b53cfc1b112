import { LOG_KEY, STREAM_SECRET as STREAM } from "../../effects/crypto.js";
import { ApiError, deploymentJson, HOW_TO_MAKE_A_KEY } from "../api.js";
import { checkLogKey } from "../connect/logKey.js";
import type { Deployment } from "../deployment.js";
import type { WebhookStream } from "../logStreams.js";
import { effectsUrl, findWebhookStream, isOurStream, LOOP_HAZARD, otherTopics } from "../logStreams.js";
import { CliError } from "../output.js";
import type { Findings } from "./findings.js";
import type { Deployed } from "./functions.js";
import type { Variable } from "./variables.js";

const CONNECT = "npx convex-lazy-views connect";

/** What the checks of the transports need. */
export interface TransportsLook {
  findings: Findings;
  deployment: Deployment;
  deployed: Deployed;
  variables: readonly Variable[];
  /** How to push the functions. */
  push: string;
}

/**
 * Checks the transports of the deployment: whether it has one, whether its log stream is right, and what the log key
 * may do.
 *
 * @returns Whether only a relay can carry effects: the stream secret is set, and no log stream posts to this app.
 */
export async function lookAtTransports(look: TransportsLook): Promise<boolean> {
  const { findings, deployed, variables, push } = look;
  const values = new Map(variables.map(({ name, value }) => [name, value]));
  const allowed = (transport: string) => deployed.transports.includes(transport);
  const secret = allowed("logStream") ? values.get(STREAM) : undefined;
  const logKey = allowed("logTail") ? values.get(LOG_KEY) : undefined;
  for (const [name, transport] of [
    [STREAM, "logStream"],
    [LOG_KEY, "logTail"],
  ] as const) {
    if (!values.has(name) || allowed(transport) || deployed.transports.length === 0) continue;
    findings.advice(
      `${name} is set, and the code does not allow the transport ${transport}.`,
      `npx convex env remove ${name}`,
    );
  }
  if (secret && !deployed.hasRoute) {
    findings.problem(
      "The deployment has no route POST /lazy-views/effects, which lazy.registerRoutes(http) adds.",
      push,
    );
  }
  const isStreamMissing = (await findings.try(() => lookAtStream(look, secret))) === "missing";
  if (isStreamMissing && logKey) {
    findings.advice(`${STREAM} is set, and no log stream posts to this app.`, `npx convex env remove ${STREAM}`);
  }
  if (secret && logKey && !isStreamMissing) {
    findings.advice(
      "Both log stream and log tail carry effects: each effect arrives twice, and you pay for both.",
      `npx convex env remove ${LOG_KEY}`,
    );
  }
  if (logKey) await findings.try(() => lookAtLogKey(look, logKey));
  return isStreamMissing && !logKey;
}

/** @returns "missing" when the secret is set, and no stream posts to this app. */
async function lookAtStream({ findings, deployment, variables }: TransportsLook, secret: string | undefined) {
  if (deployment.key === null) {
    findings.note(`Without a key, the log stream cannot be looked at. ${HOW_TO_MAKE_A_KEY}`);
    return undefined;
  }
  const stream = await findWebhookStream(deployment);
  if (stream === null || !isOurStream(deployment, stream)) {
    if (stream) findings.note(`The deployment's log stream posts to ${stream.url}.`);
    if (secret) return "missing";
    await lookAtPlan(
      findings,
      deployment,
      variables.some(({ name }) => name === LOG_KEY),
    );
    return undefined;
  }
  const mend = `${CONNECT} --transport logStream`;
  const topics = otherTopics(stream);
  if (topics !== null) findings.problem(`The log stream has ${topics}. ${LOOP_HAZARD}`, `${mend} --fix`);
  const status = statusOf(stream);
  if (status) findings.problem(...status);
  if (secret !== stream.hmacSecret) {
    const what = secret ? `${STREAM} is not the log stream's secret` : `${STREAM} is not set`;
    findings.problem(`${what}, so the route refuses what the stream posts.`, mend);
  } else if (topics === null && !status) {
    findings.ok(`The log stream posts to ${stream.url}, the topic console alone.`);
  }
  return undefined;
}

function statusOf({ status: { type, reason } }: WebhookStream): [what: string, fix: string] | undefined {
  if (type === "active" || type === "pending" || type === "restarting") return undefined;
  const why = reason ? `: ${reason}` : "";
  return [`The log stream is ${type}${why}.`, `delete it in the dashboard, Settings → Integrations, then ${CONNECT}`];
}

/** Checks whether the plan has log streams, by an update of a stream that does not exist: it changes nothing. */
async function lookAtPlan(findings: Findings, deployment: Deployment, hasLogKey: boolean): Promise<void> {
  const body = { logStreamType: "webhook" };
  const path = "/api/v1/update_log_stream/none";
  const refusal = await deploymentJson(deployment, path, { method: "POST", body }).catch((error: unknown) => error);
  const isWithout = refusal instanceof ApiError && refusal.code === "LogStreamingNotEnabled";
  if (isWithout && !hasLogKey) {
    findings.problem(
      "This deployment's plan has no log streams, and no log key is set.",
      `${CONNECT} --transport logTail`,
    );
  } else findings.note(`This deployment's plan ${isWithout ? "has no" : "may have"} log streams.`);
}

async function lookAtLogKey({ findings, deployment }: TransportsLook, logKey: string): Promise<void> {
  try {
    await checkLogKey({ deployment }, logKey, `${LOG_KEY} of the deployment`);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    findings.problem(error.message, `${CONNECT} --transport logTail --log-key <another key>`);
    return;
  }
  const mayMore = await deploymentJson(deployment, "/api/v1/list_log_streams", { key: logKey }).then(
    () => true,
    () => false,
  );
  if (!mayMore) findings.ok(`${LOG_KEY} may read the function log, and no more.`);
  else if (deployment.kind === "cloud") {
    findings.advice(
      `${LOG_KEY} may do more than read the function log.`,
      `make a key with the permission deployment:logs:view alone, then ${CONNECT} --log-key <the key>`,
    );
  } else
    findings.ok(`${LOG_KEY} may read the function log. It may do everything, like every key of such a deployment.`);
}

/** Reports a stream secret without a stream: only a relay can carry effects then. */
export function lookAtRelay(
  { findings, deployment }: Pick<TransportsLook, "findings" | "deployment">,
  arrived: "now" | "before" | "never",
): void {
  const what = `${STREAM} is set, and no log stream posts to ${effectsUrl(deployment)}`;
  const mend = `${CONNECT} --transport logStream`;
  if (arrived === "now") findings.ok("No log stream posts to this app; a relay carries effects.");
  else if (arrived === "never") findings.problem(`${what}.`, mend);
  else findings.advice(`${what}: only a relay can carry effects.`, `npx convex-lazy-views relay, or ${mend}`);
}
