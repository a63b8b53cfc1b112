import type { ApiAnswer, ApiRequest, Endpoints } from "../http/endpoints";
import { HttpError } from "../http/httpError";
import type { Keys } from "../http/keys";
import { entryJson } from "./json";
import type { FunctionLog } from "./log";

const ENDPOINT = /^(?:app_metrics\/)?(stream_function_logs|stream_udf_execution)$/;

/** Clients that take lines as objects. */
const STRUCTURED_CLIENTS = /^(npm-cli|dashboard)-/;

/**
 * The function log API, which `npx convex logs` and the dashboard use: `GET /api/stream_function_logs?cursor=<number>`.
 * It answers at once if the log has entries after the cursor, else when the next one is written.
 */
export class FunctionLogApi implements Endpoints {
  constructor(
    private readonly log: FunctionLog,
    private readonly keys: Keys,
  ) {}

  async handle({ method, path, query, headers, closed }: ApiRequest): Promise<ApiAnswer | null> {
    const endpoint = ENDPOINT.exec(path)?.[1];
    if (endpoint === undefined || method !== "GET") return null;
    this.keys.require(headers.authorization, "deployment:logs:view");
    const read = await this.log.read(cursorOf(query), closed);
    if (read === null) {
      throw new HttpError(500, "InternalServerError", "Your request couldn't be completed. Try again later.");
    }
    const isLog = endpoint === "stream_function_logs";
    const structured = isLog && STRUCTURED_CLIENTS.test(String(headers["convex-client"] ?? ""));
    const parts = isLog ? read.parts : read.parts.filter(({ kind }) => kind === "Completion");
    const entries = parts.map((part) => entryJson(part, { structured, withActionLines: !isLog }));
    return { status: 200, body: { entries, newCursor: read.cursor } };
  }
}

function cursorOf(query: URLSearchParams): number {
  const text = query.get("cursor");
  const cursor = Number(text);
  if (text === null || text === "" || Number.isNaN(cursor)) {
    throw new HttpError(400, "BadQueryArgs", `The query argument cursor is ${text}; give a number.`);
  }
  return cursor;
}
