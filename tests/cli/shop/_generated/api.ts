/** What `npx convex codegen` would write for this app. */
import { type ApiFromModules, anyApi, type FilterApi, type FunctionReference } from "convex/server";
import type * as orders from "../orders";

type FullApi = ApiFromModules<{ orders: typeof orders }>;

export const api = anyApi as unknown as FilterApi<FullApi, FunctionReference<any, "public">>;
export const internal = anyApi as unknown as FilterApi<FullApi, FunctionReference<any, "internal">>;
