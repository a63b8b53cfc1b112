import { ConvexError } from "convex/values";

/** The message of a thrown value; for a `ConvexError`, only the function's own text. */
export function errorMessage(error: unknown): string {
  if (error instanceof ConvexError && typeof error.data === "string") return error.data;
  return error instanceof Error ? error.message : String(error);
}
