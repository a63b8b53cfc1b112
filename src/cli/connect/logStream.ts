import { ApiError } from "../api.js";
import {
  createWebhookStream,
  effectsUrl,
  findWebhookStream,
  isOurStream,
  LOOP_HAZARD,
  mendWebhookStream,
  otherTopics,
  type WebhookStream,
} from "../logStreams.js";
import { CliError } from "../output.js";
import { agree, isInteractive } from "../prompts.js";
import type { Context } from "./context.js";
import { setVariables } from "./sealSecret.js";

/** The deployment cannot have this transport: another one may take its place. */
export class Unavailable extends CliError {
  override name = "Unavailable";
}

/**
 * Makes the deployment's log stream post console lines to our route.
 *
 * - It has none → created, with the topic `console` alone.
 * - It posts elsewhere, or has other topics → a warning with the remedy; with `--fix`, or the user's consent, changed.
 * - `LAZY_VIEWS_STREAM_SECRET` is not the stream's → set.
 *
 * @throws Unavailable when the plan has no log streams, or the one stream posts elsewhere.
 */
export async function setUpLogStream(context: Context): Promise<void> {
  const { deployment, report, variables } = context;
  if (deployment.key === null) {
    report.found("LAZY_VIEWS_STREAM_SECRET is set. (Without a key, the log stream itself cannot be looked at.)");
    return;
  }
  const stream = await findWebhookStream(deployment);
  if (stream === null) {
    const secret = await createWebhookStream(deployment).catch((error) => {
      throw error instanceof ApiError && error.code === "LogStreamingNotEnabled"
        ? new Unavailable(`This deployment's plan has no log streams; --transport logTail needs none. ${error.message}`)
        : error;
    });
    report.changed(`Created the log stream to ${effectsUrl(deployment)}, with the topic console alone.`);
    await setVariables(context, { LAZY_VIEWS_STREAM_SECRET: secret });
    report.changed("Set LAZY_VIEWS_STREAM_SECRET to the stream's secret.");
    return;
  }
  await checkStream(context, stream);
  const { LAZY_VIEWS_STREAM_SECRET: current } = variables;
  if (current === stream.hmacSecret) {
    report.found("LAZY_VIEWS_STREAM_SECRET is the stream's secret.");
    return;
  }
  // Deliveries of this moment may still be signed with the one before.
  const previous: Record<string, string> = current ? { LAZY_VIEWS_STREAM_SECRET_PREVIOUS: current } : {};
  await setVariables(context, { ...previous, LAZY_VIEWS_STREAM_SECRET: stream.hmacSecret });
  report.changed("Set LAZY_VIEWS_STREAM_SECRET to the stream's secret.");
}

async function checkStream({ deployment, options, report }: Context, stream: WebhookStream): Promise<void> {
  const isOurs = isOurStream(deployment, stream);
  const topics = otherTopics(stream);
  if (isOurs && topics === null) {
    const { type, reason } = stream.status;
    if (type !== "failed") report.found(`The log stream posts to ${stream.url}, the topic console alone.`);
    else report.warned(`The log stream has failed: ${reason}. Delete it in the dashboard, and run this command again.`);
    return;
  }
  const wrong = isOurs ? `has ${topics}. ${LOOP_HAZARD}` : `posts to ${stream.url}; a deployment has one at most.`;
  const remedy = isOurs
    ? "gives it the topic console alone"
    : "points it at this app, and the other receiver gets none";
  const isAllowed =
    options.fix === true ||
    (!options.yes && isInteractive() && (await agree(`The log stream ${wrong} Change it? That ${remedy}.`)));
  if (isAllowed) {
    await mendWebhookStream(deployment, stream);
    report.changed(`Changed the log stream: it posts to ${effectsUrl(deployment)}, the topic console alone.`);
    return;
  }
  const command = "npx convex-lazy-views connect --transport logStream --fix";
  const warning = `The log stream ${wrong} \`${command}\` ${remedy}.`;
  if (!isOurs) throw new Unavailable(`${warning} Or choose --transport logTail.`);
  report.warned(warning);
}
