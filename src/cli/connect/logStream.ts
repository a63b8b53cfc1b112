import { ApiError } from "../api.js";
import {
  createWebhookStream,
  effectsUrl,
  findWebhookStream,
  isOurStream,
  LOOP_HAZARD,
  mendWebhookStream,
  otherTopics,
  restartWebhookStream,
  type WebhookStream,
  waitForStream,
} from "../logStreams.js";
import { agree, isInteractive } from "../prompts.js";
import { type Context, Unavailable } from "./context.js";
import { setVariables } from "./sealSecret.js";

/**
 * Makes the deployment's log stream post console lines to our route.
 *
 * - The deployment has no stream → creates one, with the topic `console` alone.
 * - The stream posts elsewhere, or has other topics → changes it with `--fix` or the user's consent; else warns, with
 *   the remedy.
 * - `LAZY_VIEWS_STREAM_SECRET` is not the stream's secret → sets it.
 *
 * @throws Unavailable when the plan has no log streams, or the one stream posts elsewhere.
 */
export async function setUpLogStream(context: Context): Promise<void> {
  const { deployment, report, variables } = context;
  if (deployment.key === null) {
    report.found("LAZY_VIEWS_STREAM_SECRET is set. (Without a key, the log stream itself cannot be looked at.)");
    return;
  }
  const stream = await findWebhookStream(deployment).catch(asUnavailable);
  if (stream === null) {
    const secret = await createWebhookStream(deployment).catch(asUnavailable);
    report.changed(`Created the log stream to ${effectsUrl(deployment)}, with the topic console alone.`);
    await setVariables(context, { LAZY_VIEWS_STREAM_SECRET: secret });
    report.changed("Set LAZY_VIEWS_STREAM_SECRET to the stream's secret.");
    await waitForStream(deployment);
    return;
  }
  await checkStream(context, stream);
  const { LAZY_VIEWS_STREAM_SECRET: current } = variables;
  if (current === stream.hmacSecret) {
    report.found("LAZY_VIEWS_STREAM_SECRET is the stream's secret.");
    return;
  }
  // The stream signs with the old secret until it is started again.
  const previous: Record<string, string> = current ? { LAZY_VIEWS_STREAM_SECRET_PREVIOUS: current } : {};
  await setVariables(context, { ...previous, LAZY_VIEWS_STREAM_SECRET: stream.hmacSecret });
  await restartWebhookStream(deployment, stream);
  report.changed("Set LAZY_VIEWS_STREAM_SECRET to the stream's secret.");
  await waitForStream(deployment);
}

/** @throws Unavailable when the plan has no log streams, or the key may not see or make one; else the error itself. */
function asUnavailable(error: unknown): never {
  if (!(error instanceof ApiError) || error.status !== 403) throw error;
  const isPlan = error.code === "LogStreamingNotEnabled";
  const reason = isPlan ? "This deployment's plan has no log streams" : "This key may not set up a log stream";
  throw new Unavailable(`${reason}; --transport logTail does not need one. ${error.message}`);
}

async function checkStream({ deployment, options, report }: Context, stream: WebhookStream): Promise<void> {
  const isOurs = isOurStream(deployment, stream);
  const topics = otherTopics(stream);
  if (isOurs && topics === null) {
    const { type, reason } = stream.status;
    report.found(`The log stream posts to ${stream.url}, the topic console alone.`);
    if (type !== "failed") return;
    await restartWebhookStream(deployment, stream);
    report.changed(`Started the log stream again; it had failed: ${reason}.`);
    await waitForStream(deployment);
    return;
  }
  const wrong = isOurs ? `has ${topics}. ${LOOP_HAZARD}` : `posts to ${stream.url}; a deployment has one at most.`;
  const remedy = isOurs
    ? "gives it the topic console alone"
    : "points it at this app, and the other receiver gets no events any more";
  const isAllowed =
    options.fix === true ||
    (!options.yes && isInteractive() && (await agree(`The log stream ${wrong} Change it? That ${remedy}.`)));
  if (isAllowed) {
    await mendWebhookStream(deployment, stream);
    report.changed(`Changed the log stream: it posts to ${effectsUrl(deployment)}, the topic console alone.`);
    await waitForStream(deployment);
    return;
  }
  const command = "npx convex-lazy-views connect --transport logStream --fix";
  const warning = `The log stream ${wrong} \`${command}\` ${remedy}.`;
  if (!isOurs) throw new Unavailable(`${warning} Or choose --transport logTail.`);
  report.warned(warning);
}
