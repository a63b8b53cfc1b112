import type { UserIdentityAttributes } from "convex/server";
import type { JSONValue } from "convex/values";
import { ROOT } from "./components";
import { type Entry, newEntry } from "./execution";
import type { Identity } from "./http/keys";

/** A call of a function by its path, with arguments as Convex JSON. */
export interface FunctionCall {
  path: string;
  args: JSONValue;
  /** Where the function is. Default: in the app itself. */
  component?: string;
  /** What the caller's key is for. Default: the caller has no key. */
  identity?: Identity;
  /** The user that an admin acts as. */
  user?: UserIdentityAttributes;
}

/** The cache's key: equal for calls of queries that may share a result. */
export function callKey({ path, args, component = ROOT, identity = "unknown", user }: FunctionCall): string {
  return JSON.stringify([component, path, args, identity, user]);
}

/** The request for a call, from a client that waits for the answer. */
export function entryOf({ identity = "unknown" }: FunctionCall, caller: "client" | "http"): Entry {
  return newEntry(caller, { identityType: identity === "unknown" ? "unknown" : "instance_admin" });
}
