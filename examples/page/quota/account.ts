import type { FunctionReturnType } from "convex/server";
import type { api } from "../../convex/_generated/api";

/** An account with its usage, as the list shows it. */
export type Account = FunctionReturnType<typeof api.quota.accounts.list>[number];
