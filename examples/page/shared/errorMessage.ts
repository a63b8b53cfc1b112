import { ConvexError } from "convex/values";

/** What to say of something that was thrown; of a `ConvexError`, what the function said and nothing around it. */
export function errorMessage(error: unknown): string {
  if (error instanceof ConvexError && typeof error.data === "string") return error.data;
  return error instanceof Error ? error.message : String(error);
}
