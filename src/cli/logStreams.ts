import { deploymentJson } from "./api.js";
import type { Deployment } from "./deployment.js";
import { keepSecret } from "./output.js";

/** The path of the route that `lazy.registerRoutes(http)` adds. */
export const EFFECTS_PATH = "/lazy-views/effects";

/** The only topic of a stream that is ours. A delivery is itself an event of most others. */
const TOPIC = "console";

/** A webhook log stream, as the deployment lists it. A deployment has one at most. */
export interface WebhookStream {
  logStreamType: "webhook";
  id: string;
  url: string;
  format: "json" | "jsonl";
  hmacSecret: string;
  /** null: all topics, also those that Convex adds later. */
  topics: string[] | null;
  status: { type: "pending" | "restarting" | "failed" | "active" | "deleting"; reason?: string };
}

/** Where our stream posts to. */
export const effectsUrl = ({ siteUrl }: Pick<Deployment, "siteUrl">): string => siteUrl + EFFECTS_PATH;

/** The deployment's webhook stream; null when it has none. @throws CliError without a key that may view integrations. */
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

/** Points a stream at our route, with our topic alone. */
export async function mendWebhookStream(deployment: Deployment, { id }: WebhookStream): Promise<void> {
  const body = { logStreamType: "webhook", topics: [TOPIC], url: effectsUrl(deployment) };
  await deploymentJson(deployment, `/api/v1/update_log_stream/${id}`, { method: "POST", body });
}

/** Gives a stream a new secret, which it signs with at once. @returns the secret. */
export async function rotateWebhookSecret(deployment: Deployment, { id }: WebhookStream): Promise<string> {
  const path = `/api/v1/rotate_webhook_secret/${id}`;
  const rotated = await deploymentJson<{ hmacSecret: string }>(deployment, path, { method: "POST" });
  return keepSecret(rotated.hmacSecret);
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
