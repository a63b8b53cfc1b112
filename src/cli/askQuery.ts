import { type JSONValue, jsonToConvex, type Value } from "convex/values";
import { ApiError, deploymentFetch } from "./api.js";
import { runFunction } from "./convexCli.js";
import type { Deployment } from "./deployment.js";
import { CliError, warn } from "./output.js";

/** What Convex answers when a function throws. */
const FUNCTION_FAILED = 560;

/**
 * Calls a query of the app, also an internal one. With a key it uses the HTTP API, which takes milliseconds; otherwise
 * Convex's CLI.
 *
 * @param args - In Convex's JSON, where `{"$integer": …}` is an int64.
 * @throws CliError with the function's error, or as `deploymentFetch`.
 */
export async function askQuery(deployment: Deployment, path: string, args: object): Promise<Value> {
  if (deployment.key === null) return (await runFunction(deployment, path, args)) as Value;
  const response = await deploymentFetch(deployment, "/api/query", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ path, args: [args], format: "convex_encoded_json" }),
  });
  const text = await response.text();
  const isAnswer = response.ok || response.status === FUNCTION_FAILED;
  const { status, value, errorMessage } = isAnswer ? parseAnswer(text) : {};
  if (status === "success" && value !== undefined) return jsonToConvex(value);
  const reason = errorMessage ?? `${response.status} ${text.slice(0, 200)}`;
  throw new CliError(`${path} failed: ${messageOf(reason)}`);
}

/**
 * Handles the error of a query that is called again and again: warns when the deployment does not answer, because it
 * may answer next time. @throws The error, if it would be the same next time.
 */
export function mayPass(error: unknown): null {
  if (!(error instanceof CliError) || error instanceof ApiError) throw error;
  warn(error.message);
  return null;
}

function parseAnswer(text: string): { status?: string; value?: JSONValue; errorMessage?: string } {
  try {
    return JSON.parse(text) as object;
  } catch {
    return {};
  }
}

/** The message that the function has thrown, without the request id and the stack that Convex adds. */
function messageOf(reason: string): string {
  const [, message = reason] = /Uncaught (?:\w*Error: )?([\s\S]*?)(?:\n\s+at |$)/.exec(reason) ?? [];
  return message.trim();
}
