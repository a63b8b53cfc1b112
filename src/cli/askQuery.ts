import { type JSONValue, jsonToConvex, type Value } from "convex/values";
import { ApiError, deploymentFetch } from "./api.js";
import { runFunction } from "./convexCli.js";
import type { Deployment } from "./deployment.js";
import { CliError, warn } from "./output.js";

/** What Convex answers when a function throws. */
const FUNCTION_FAILED = 560;

/**
 * Calls a query of the app, also an internal one: by the HTTP API where there is a key, as that takes milliseconds, else
 * by the official CLI.
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
 * For a question that is asked again and again: a deployment that does not answer may do so next time. Warns.
 * @throws What a repetition does not mend.
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

/** Of what Convex says of an error, what the function said: not the request's id, and not the stack. */
function messageOf(reason: string): string {
  const [, message = reason] = /Uncaught (?:\w*Error: )?([\s\S]*?)(?:\n\s+at |$)/.exec(reason) ?? [];
  return message.trim();
}
