import type { ApiAnswer, ApiRequest, Endpoints } from "../http/endpoints";
import { HttpError } from "../http/httpError";
import type { Keys } from "../http/keys";
import { LOG_TOPICS, type LogTopic } from "./events";
import type { LogStreamTarget } from "./sender";
import { type LogStream, type LogStreams, newSecret } from "./streams";

/** The deployment's settings for log streams. */
export interface LogStreamApiOptions {
  /** Whether the plan has log streams. */
  isAllowed: boolean;
  /** How often a stream that is created here delivers. */
  intervalMs: number;
}

interface WebhookFields {
  url?: string;
  format?: "json" | "jsonl";
  topics?: LogTopic[] | null;
}

/**
 * Convex's endpoints for log streams to webhooks: `/api/v1/create_log_stream` and the others.
 */
export class LogStreamApi implements Endpoints {
  constructor(
    private readonly streams: LogStreams,
    private readonly keys: Keys,
    private readonly options: LogStreamApiOptions,
  ) {}

  async handle({ method, path, headers, body }: ApiRequest): Promise<ApiAnswer | null> {
    const [version, action, id = ""] = path.split("/");
    if (version !== "v1") return null;
    const mayView = () => this.keys.require(headers.authorization, "deployment:integrations:view");
    const mayWrite = () => {
      this.keys.require(headers.authorization, "deployment:integrations:write");
      this.checkPlan();
    };
    switch (`${method} ${action}`) {
      case "GET list_log_streams":
        mayView();
        return { status: 200, body: this.streams.all.map(streamJson) };
      case "GET get_log_stream":
        mayView();
        return { status: 200, body: streamJson(this.find(id)) };
      case "POST create_log_stream":
        mayWrite();
        return this.create(parseWebhook(body));
      case "POST update_log_stream":
        mayWrite();
        return this.update(this.find(id), parseWebhook(body));
      case "POST rotate_webhook_secret":
        mayWrite();
        return { status: 200, body: { logStreamType: "webhook", hmacSecret: this.streams.rotate(this.find(id)) } };
      case "POST delete_log_stream":
        mayWrite();
        this.streams.remove(this.find(id));
        return { status: 200 };
      default:
        return null;
    }
  }

  private checkPlan(): void {
    if (this.options.isAllowed) return;
    throw new HttpError(
      403,
      "LogStreamingNotEnabled",
      "Log streaming is not available on your current subscription. See https://www.convex.dev/plans to upgrade.",
    );
  }

  private create({ url, format, topics = null }: WebhookFields): ApiAnswer {
    if (this.streams.all.length > 0) {
      throw new HttpError(409, "LogStreamAlreadyExists", "Webhook log stream already exists for this deployment");
    }
    if (url === undefined || format === undefined) {
      throw new HttpError(400, "BadJsonBody", `missing field \`${url === undefined ? "url" : "format"}\``);
    }
    const { intervalMs } = this.options;
    const target: LogStreamTarget = { url: parseUrl(url), format, topics, secret: newSecret(), intervalMs };
    const { stream } = this.streams.create(target);
    return { status: 200, body: { logStreamType: "webhook", id: stream.id, hmacSecret: target.secret } };
  }

  private update(stream: LogStream, { url, ...changed }: WebhookFields): ApiAnswer {
    void this.streams.update(stream, {
      ...stream.target,
      ...changed,
      ...(url === undefined ? {} : { url: parseUrl(url) }),
    });
    return { status: 200 };
  }

  private find(id: string): LogStream {
    if (!/^[0-9a-z]{32}$/.test(id)) throw new HttpError(400, "InvalidLogStreamId", "The log stream id is invalid");
    const stream = this.streams.all.find((known) => known.id === id);
    if (stream !== undefined) return stream;
    throw new HttpError(
      404,
      "LogStreamDoesntExist",
      `No log stream with the given id ${id} exists for this deployment.`,
    );
  }
}

function streamJson({ id, status, target }: LogStream) {
  const { url, format, secret, topics } = target;
  return { logStreamType: "webhook", id, status, url, format, hmacSecret: secret, topics };
}

/** @throws HttpError 400 if the body does not describe a stream to a webhook. */
function parseWebhook(body: string): WebhookFields {
  const fields = parseObject(body);
  const { logStreamType, url, format, topics } = fields;
  if (logStreamType !== "webhook") {
    throw badBody(`unknown variant \`${logStreamType}\`; the embedded backend has log streams to a webhook only`);
  }
  if (url !== undefined && typeof url !== "string") throw badBody("url is no string");
  if (format !== undefined && format !== "json" && format !== "jsonl") {
    throw badBody(`unknown variant \`${format}\`, expected \`json\` or \`jsonl\``);
  }
  return {
    ...(url === undefined ? {} : { url }),
    ...(format === undefined ? {} : { format }),
    ...(topics === undefined ? {} : { topics: parseTopics(topics) }),
  };
}

function parseTopics(topics: unknown): LogTopic[] | null {
  if (topics === null) return null;
  if (!Array.isArray(topics)) throw badBody("topics is no list");
  if (topics.length === 0) {
    throw new HttpError(400, "EmptyLogTopics", "A log stream must be subscribed to at least one topic.");
  }
  const unknown = topics.find((topic) => !LOG_TOPICS.includes(topic));
  if (unknown !== undefined) {
    throw new HttpError(400, "InvalidLogTopic", `Log stream topic \`${unknown}\` cannot be subscribed to`);
  }
  return topics;
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Not JSON: refused below.
  }
  throw badBody("the body is no JSON object");
}

function parseUrl(url: string): string {
  if (URL.canParse(url)) return new URL(url).href;
  throw new HttpError(400, "InvalidWebhookUrl", "The URL passed was invalid");
}

function badBody(message: string): HttpError {
  return new HttpError(400, "BadJsonBody", message);
}
