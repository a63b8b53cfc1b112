import type { UserIdentityAttributes } from "convex/server";
import type { JSONValue } from "convex/values";
import { type LogLine, prettyLine } from "../console";
import { clientMessage } from "../errors";
import { newRequestId, type Outcome } from "../execution";
import { entryOf, type FunctionCall } from "../functionCall";
import type { QueryHolder, QueryRunner } from "../queries";
import type { Runtime } from "../runtime";
import { decodeTs, encodeTs } from "../sync/protocol";
import { parseBody } from "./body";
import type { ApiAnswer, ApiRequest, Endpoints } from "./endpoints";
import { HttpError } from "./httpError";
import type { Keys } from "./keys";

interface FunctionRequest {
  path: string;
  args: JSONValue;
  ts?: string | null;
  componentPath?: string | null;
}

/** The HTTP API that `ConvexHttpClient` uses. */
export class HttpApi implements Endpoints {
  constructor(
    private readonly runtime: Runtime,
    private readonly queries: QueryRunner,
    private readonly keys: Keys,
  ) {}

  async handle({ method, path: endpoint, headers, body }: ApiRequest): Promise<ApiAnswer | null> {
    if (method !== "POST") return null;
    switch (endpoint) {
      case "query_ts":
        return { status: 200, body: { ts: encodeTs(this.runtime.cache.ts) } };
      case "query":
      case "query_at_ts":
      case "mutation":
      case "action":
      case "function":
        break;
      default:
        return null;
    }
    const request = parseRequest(body);
    const call: FunctionCall = {
      ...callOf(request),
      identity: this.keys.identifyHeader(headers.authorization),
      user: actingUser(headers.authorization),
    };
    if (endpoint !== "function") return await this.run(endpoint, call, request.ts ?? undefined);
    this.keys.requireKey(headers.authorization);
    const component = request.componentPath ?? "";
    const udfType = await this.runtime.udfType({ ...call, component });
    return udfType === null ? notFound(call.path, component) : await this.run(udfType, { ...call, component });
  }

  private async run(
    endpoint: "query" | "query_at_ts" | "mutation" | "action",
    call: FunctionCall,
    ts?: string,
  ): Promise<ApiAnswer> {
    if (endpoint === "query" || endpoint === "query_at_ts") return await this.query(call, ts);
    const entry = entryOf(call, "http");
    const { outcome, lines } = await this.runtime.call(endpoint, call, entry);
    return answer(entry.requestId, outcome, lines);
  }

  /**
   * A result holds from the timestamp when it ran until something that it read changes, so a
   * client may ask for any timestamp in between. Older data are gone.
   */
  private async query(call: FunctionCall, encodedTs: string | undefined): Promise<ApiAnswer> {
    const holder: QueryHolder = { ...call, result: null };
    const latest = await this.queries.refresh([holder], "http");
    const { result } = holder;
    if (result === null) throw new Error(`No result for ${call.path}`);
    this.runtime.cache.release(result);
    const ts = encodedTs === undefined ? latest : decodeTs(encodedTs);
    if (ts < result.ts || ts > latest) {
      throw new HttpError(400, "TimestampOutOfRange", `Cannot read at ${ts}, only at ${result.ts} or later`);
    }
    return answer(result.requestId, result.outcome, result.lines);
  }
}

function parseRequest(body: string): FunctionRequest {
  const expected = "an object with path and args";
  const request = parseBody(body, expected);
  if (isRequest(request)) return request;
  throw new HttpError(400, "BadJsonBody", `Expected ${expected}`);
}

function isRequest(request: object): request is FunctionRequest {
  const { path, args, ts, componentPath } = request as Record<string, unknown>;
  return typeof path === "string" && args !== undefined && isOptionalText(ts) && isOptionalText(componentPath);
}

function isOptionalText(field: unknown): boolean {
  return field === undefined || field === null || typeof field === "string";
}

/** Arguments may be an object, or a list with one object, as the clients send it. */
function callOf({ path, args }: FunctionRequest): FunctionCall {
  return { path, args: Array.isArray(args) ? (args[0] ?? {}) : args };
}

/** The user that an admin acts as; it stands in base64 after the key. */
function actingUser(authorization = ""): UserIdentityAttributes | undefined {
  const encoded = /^convex [^|]*\|[^:]*:(.+)$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(encoded, "base64").toString());
  } catch {
    throw new HttpError(400, "HeaderParseFailure", "Malformed Authorization header.");
  }
}

function answer(requestId: string, outcome: Outcome, lines: readonly LogLine[]): ApiAnswer {
  const logLines = lines.length === 0 ? {} : { logLines: lines.map(prettyLine) };
  if (outcome.success) {
    return { status: 200, body: { status: "success", value: outcome.value, ...logLines } };
  }
  const { data } = outcome.failure;
  return {
    status: 200,
    body: {
      status: "error",
      errorMessage: clientMessage(requestId, outcome.failure),
      ...(data === undefined ? {} : { errorData: data }),
      ...logLines,
    },
  };
}

/** Convex's answer to an admin. A client without a key learns less. */
function notFound(path: string, component: string): ApiAnswer {
  const where = component === "" ? "" : ` in component "${component}"`;
  const message = `Could not find function for '${path}'${where}. Did you forget to run \`npx convex dev\`?`;
  return answer(newRequestId(), { success: false, failure: { message } }, []);
}
