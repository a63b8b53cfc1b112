import { deploymentJson } from "../api.js";
import {
  findWebhookStream,
  isOurStream,
  restartWebhookStream,
  rotateWebhookSecret,
  waitForStream,
} from "../logStreams.js";
import { CliError } from "../output.js";
import type { Context } from "./context.js";
import { newSecret, setVariables } from "./sealSecret.js";

/*
 * During a rotation, nothing is refused: what was sealed or signed with the old secret is accepted for as long as that
 * is set as the `_PREVIOUS` one.
 */

/** Gives the app a new secret for seals. The old one stays valid: both are set in one transaction. */
export async function rotateSealSecret(context: Context): Promise<void> {
  const { LAZY_VIEWS_SECRET: old = "" } = context.variables;
  await setVariables(context, { LAZY_VIEWS_SECRET_PREVIOUS: old, LAZY_VIEWS_SECRET: newSecret() });
  context.report.changed("Rotated LAZY_VIEWS_SECRET; the old one is LAZY_VIEWS_SECRET_PREVIOUS.");
}

/**
 * Gives the log stream a new secret. Convex signs with it once the stream is started again. That is the last step, and
 * by then the route accepts both secrets.
 *
 * A release of Convex may sign with it at once. So both variables are first set to the old secret: from that the route
 * knows that a rotation has begun, and answers 503 to a signature that it does not know. The stream tries such a
 * delivery again for some seconds.
 */
export async function rotateStreamSecret(context: Context): Promise<void> {
  const { deployment, report, variables } = context;
  const stream = await findWebhookStream(deployment);
  if (!stream || !isOurStream(deployment, stream)) {
    throw new CliError("There is no log stream to rotate. Run `npx convex-lazy-views connect --transport logStream`.");
  }
  const old = stream.hmacSecret;
  await setVariables(context, { LAZY_VIEWS_STREAM_SECRET_PREVIOUS: old, LAZY_VIEWS_STREAM_SECRET: old });
  const secret = await rotateWebhookSecret(deployment, stream);
  // By the HTTP API, which is faster than Convex's CLI: deliveries wait for this.
  const changes = [{ name: "LAZY_VIEWS_STREAM_SECRET", value: secret }];
  await deploymentJson(deployment, "/api/v1/update_environment_variables", { method: "POST", body: { changes } });
  variables.LAZY_VIEWS_STREAM_SECRET = secret;
  await restartWebhookStream(deployment, stream);
  await waitForStream(deployment);
  report.changed("Rotated the log stream's secret; the old one is LAZY_VIEWS_STREAM_SECRET_PREVIOUS.");
}

/** The commands that end a rotation. Run them an hour later. */
export function endOfRotation({ variables }: Context): string[] {
  return ["LAZY_VIEWS_SECRET_PREVIOUS", "LAZY_VIEWS_STREAM_SECRET_PREVIOUS"]
    .filter((name) => variables[name] !== undefined)
    .map((name) => `npx convex env remove ${name}`);
}
