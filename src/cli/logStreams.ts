import { setTimeout as sleep } from "node:timers/promises";
import { EFFECTS_PATH } from "../app/wiring.js";
import { deploymentJson } from "./api.js";
import type { Deployment } from "./deployment.js";
import { CliError, keepSecret } from "./output.js";

/** The only topic that our stream may have. Each delivery is itself an event of most other topics. */
const TOPIC = "console";

/** A webhook log stream, as the deployment lists it. A deployment has at most one. */
export interface WebhookStream {
  logStreamType: "webhook";
  id: string;
  url: string;
  format: "json" | "jsonl";
  hmacSecret: string;
  /** Null for all topics, also those that Convex adds later. */
  topics: string[] | null;
  status: { type: "pending" | "restarting" | "failed" | "active" | "deleting"; reason?: string };
}

/** Where our stream posts to. */
export const effectsUrl = ({ siteUrl }: Pick<Deployment, "siteUrl">): string => siteUrl + EFFECTS_PATH;

/**
 * The deployment's webhook stream; null when it has none.
 *
 * @throws CliError without a key that may view integrations.
 */
export async function findWebhookStream(deployment: Deployment): Promise<WebhookStream | null> {
  const streams = await deploymentJson<{ logStreamType: string }[]>(deployment, "/api/v1/list_log_streams");
  const found = streams.find((stream): stream is WebhookStream => stream.logStreamType === "webhook");
  if (found) keepSecret(found.hmacSecret);
  return found ?? null;
}

/** Creates the webhook stream. @returns its secret. @throws ApiError `LogStreamingNotEnabled` on a plan without it. */
export async function createWebhookStream(deployment: Deployment): Promise<string> {
  const body = { logStreamType: "webhook", format: "json", topics: [TOPIC], url: effectsUrl(deployment) };
  const created = await deploymentJson<{ hmacSecret: string }>(deployment, "/api/v1/create_log_stream", {
    method: "POST",
    body,
  });
  return keepSecret(created.hmacSecret);
}

/** Makes a stream post to our route, with our topic alone. Convex starts it again. */
export async function mendWebhookStream(deployment: Deployment, { id }: WebhookStream): Promise<void> {
  await updateStream(deployment, id, { topics: [TOPIC], url: effectsUrl(deployment) });
}

/** Makes Convex start a stream again, because it has failed, or still signs with its old secret. */
export async function restartWebhookStream(deployment: Deployment, { id }: WebhookStream): Promise<void> {
  await updateStream(deployment, id, {});
}

async function updateStream(deployment: Deployment, id: string, change: { topics?: string[]; url?: string }) {
  const body = { logStreamType: "webhook", ...change };
  await deploymentJson(deployment, `/api/v1/update_log_stream/${id}`, { method: "POST", body });
}

/** Makes a new secret for a stream, which signs with the old one until it is started again. @returns The new secret. */
export async function rotateWebhookSecret(deployment: Deployment, { id }: WebhookStream): Promise<string> {
  const path = `/api/v1/rotate_webhook_secret/${id}`;
  const rotated = await deploymentJson<{ hmacSecret: string }>(deployment, path, { method: "POST" });
  return keepSecret(rotated.hmacSecret);
}

/** How long a stream may take to start, in ms: Convex first tries its URL, up to three times. */
const START_PATIENCE_MS = 60_000;
const POLL_MS = 250;

/**
 * Waits until the stream delivers. Until then, it loses what the app logs.
 *
 * @throws CliError when Convex cannot reach its URL.
 */
export async function waitForStream(deployment: Deployment): Promise<void> {
  for (const startedAt = Date.now(); Date.now() - startedAt < START_PATIENCE_MS; await sleep(POLL_MS)) {
    const stream = await findWebhookStream(deployment);
    if (stream?.status.type === "active") return;
    if (stream?.status.type === "failed") {
      throw new CliError(`Convex cannot deliver to ${stream.url}: ${stream.status.reason}. Look at the app's logs.`);
    }
  }
  throw new CliError(`The log stream has not started within ${START_PATIENCE_MS / 1_000} s. Run this command again.`);
}

/** Deletes a stream. What it has not delivered is lost. */
export async function deleteWebhookStream(deployment: Deployment, { id }: WebhookStream): Promise<void> {
  await deploymentJson(deployment, `/api/v1/delete_log_stream/${id}`, { method: "POST", body: {} });
}

/** Whether a stream posts to our route. */
export function isOurStream(deployment: Deployment, { url }: WebhookStream): boolean {
  return URL.canParse(url) && new URL(url).href === new URL(effectsUrl(deployment)).href;
}

/** The topics that a stream has beside ours, for a message; null when it has ours alone. */
export function otherTopics({ topics }: WebhookStream): string | null {
  if (topics === null) return "all topics";
  const others = topics.filter((topic) => topic !== TOPIC);
  if (others.length > 0) return `the topics ${topics.join(", ")}`;
  return null;
}

/** Why a stream with other topics is dangerous. */
export const LOOP_HAZARD =
  "Each of its deliveries is itself an event, which is delivered again, for ever, and you pay for it.";

/**
 * The problems of `inspect` that still exist. For some minutes, it reports topics that the stream has no longer: the
 * stream itself says which topics it has.
 */
export async function currentProblems(deployment: Deployment, problems: readonly string[]): Promise<string[]> {
  const isAboutTopics = (problem: string) => problem.startsWith("The log stream delivers other topics");
  if (deployment.key === null || !problems.some(isAboutTopics)) return [...problems];
  const stream = await findWebhookStream(deployment);
  const isStill = stream !== null && isOurStream(deployment, stream) && otherTopics(stream) !== null;
  return problems.filter((problem) => isStill || !isAboutTopics(problem));
}
