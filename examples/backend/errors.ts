import { convexToJson, type JSONValue, type Value } from "convex/values";

/** Why a function failed, in the words that Convex uses. */
export interface FunctionFailure {
  /** e.g. `Uncaught Error: boom` */
  message: string;
  /** The data of a `ConvexError`. */
  data?: JSONValue;
}

/** A failure that has no exception of the function's code behind it. */
export class RequestError extends Error {
  override name = "RequestError";
}

/** Describes what a function threw. */
export function toFailure(thrown: unknown): FunctionFailure {
  if (thrown instanceof RequestError) return { message: thrown.message };
  const message = `Uncaught ${String(thrown)}`;
  if (typeof thrown === "object" && thrown !== null && Symbol.for("ConvexError") in thrown) {
    return { message, data: convexToJson((thrown as unknown as { data: Value }).data ?? null) };
  }
  return { message };
}

/**
 * The message as a development deployment sends it to clients. A deployed backend adds stack
 * frames of the app's own files; here they would name files of the machine it runs on.
 */
export function clientMessage(requestId: string, failure: FunctionFailure): string {
  return `[Request ID: ${requestId}] Server Error\n${failure.message}\n`;
}

/** What Convex answers when an HTTP action throws. */
export function httpFailure(requestId: string, failure: FunctionFailure): Response {
  return Response.json(
    {
      code: `[Request ID: ${requestId}] Server Error: ${failure.message}`,
      trace: `${failure.message}\n`,
      ...(failure.data === undefined ? {} : { data: failure.data }),
    },
    { status: 500 },
  );
}
