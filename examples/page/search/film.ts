import type { FunctionReturnType } from "convex/server";
import type { api } from "../../convex/_generated/api";

/** A film, as a search has found it. */
export type Film = FunctionReturnType<typeof api.search.find.films>[number];
