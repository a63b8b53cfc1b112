import type { JSONValue } from "convex/values";
import { type LogLine, prettyLine } from "../console";
import { clientMessage } from "../errors";
import { newEntry, type Outcome } from "../execution";
import type { QueryHolder, QueryRunner } from "../queries";
import type { FunctionCall, Runtime } from "../runtime";
import { decodeTs, encodeTs } from "../sync/protocol";
import type { ApiAnswer, ApiRequest, Endpoints } from "./endpoints";

interface FunctionRequest {
  path: string;
  args: JSONValue;
  ts?: string;
}

/** The HTTP API that `ConvexHttpClient` uses. */
export class HttpApi implements Endpoints {
  constructor(
    private readonly runtime: Runtime,
    private readonly queries: QueryRunner,
  ) {}

  async handle({ method, path: endpoint, body }: ApiRequest): Promise<ApiAnswer | null> {
    if (method !== "POST") return null;
    switch (endpoint) {
      case "query_ts":
        return { status: 200, body: { ts: encodeTs(this.runtime.cache.ts) } };
      case "query":
      case "query_at_ts":
      case "mutation":
      case "action":
        break;
      default:
        return null;
    }
    const request = parseRequest(body);
    if (request === null) return badRequest("BadJsonBody", "Expected an object with path and args");
    if (endpoint === "query" || endpoint === "query_at_ts") return await this.query(request);
    const entry = newEntry("http");
    const { outcome, lines } = await this.runtime.call(endpoint, callOf(request), entry);
    return answer(entry.requestId, outcome, lines);
  }

  /**
   * A result belongs to all timestamps from when it ran until something it read changed, so
   * that much of the past can be asked for. Older data are gone.
   */
  private async query(request: FunctionRequest): Promise<ApiAnswer> {
    const holder: QueryHolder = { ...callOf(request), result: null };
    const latest = await this.queries.refresh([holder], "http");
    const { result } = holder;
    if (result === null) throw new Error(`No result for ${request.path}`);
    this.runtime.cache.release(result);
    const ts = request.ts === undefined ? latest : decodeTs(request.ts);
    if (ts < result.ts || ts > latest) {
      return badRequest("TimestampOutOfRange", `Cannot read at ${ts}, only at ${result.ts} or later`);
    }
    return answer(result.requestId, result.outcome, result.lines);
  }
}

function parseRequest(body: string): FunctionRequest | null {
  try {
    const request = JSON.parse(body) as Partial<FunctionRequest> | null;
    if (typeof request?.path !== "string" || request.args === undefined) return null;
    return request as FunctionRequest;
  } catch {
    return null;
  }
}

/** Arguments come as one object or, as the clients send them, as a list that holds it. */
function callOf({ path, args }: FunctionRequest): FunctionCall {
  return { path, args: Array.isArray(args) ? (args[0] ?? {}) : args };
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

function badRequest(code: string, message: string): ApiAnswer {
  return { status: 400, body: { code, message } };
}
