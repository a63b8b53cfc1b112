import type { FunctionReturnType } from "convex/server";
import type { api } from "../../convex/_generated/api";

/** A film in the result of a search. */
export type Film = FunctionReturnType<typeof api.search.find.films>[number];
