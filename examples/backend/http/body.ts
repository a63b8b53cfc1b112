import { HttpError } from "./httpError";

/**
 * The object in a request's body.
 *
 * @param expected what the body should be, for the error.
 * @throws HttpError 400 `BadJsonBody` when it is none.
 */
export function parseBody(body: string, expected: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // Not JSON: refused below, as other values that are no object.
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw new HttpError(400, "BadJsonBody", `Expected ${expected}`);
}
