import { ConvexError, convexToJson, type JSONValue, type Value } from "convex/values";

/** Why a function failed, in Convex's words. */
export interface FunctionFailure {
  /** e.g. `Uncaught Error: boom` */
  message: string;
  /** The data of a `ConvexError`. */
  data?: JSONValue;
}

/** A failure that is not an exception of the function's code. */
export class RequestError extends Error {
  override name = "RequestError";
}

/** Describes what a function threw. */
export function toFailure(thrown: unknown): FunctionFailure {
  if (thrown instanceof RequestError) return { message: thrown.message };
  const message = `Uncaught ${describe(thrown)}`;
  if (!isConvexError(thrown)) return { message };
  try {
    return { message, data: convexToJson(thrown.data ?? null) };
  } catch (error) {
    return { message: `ConvexError with invalid data: ${(error as Error).message}` };
  }
}

/**
 * The error that a function gets when a function that it called fails. Its message has the prefix `Uncaught Error:`
 * already; if the caller does not catch it, it gets the prefix once more.
 */
export function nestedError(thrown: unknown): Error {
  const message = `${toFailure(thrown).message}\n`;
  if (!isConvexError(thrown)) return new Error(message);
  return Object.assign(new ConvexError(message), { data: thrown.data });
}

function isConvexError(thrown: unknown): thrown is ConvexError<Value> {
  return typeof thrown === "object" && thrown !== null && Symbol.for("ConvexError") in thrown;
}

/** Any thrown value as text; even one that `String` throws for. */
function describe(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

/**
 * The message as a development deployment sends it to clients. A deployed backend adds stack
 * frames of the app's own files; here they would name files of the machine it runs on.
 */
export function clientMessage(requestId: string, failure: FunctionFailure): string {
  return `[Request ID: ${requestId}] Server Error\n${failure.message}\n`;
}

/** Convex's answer when an HTTP action throws. */
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
