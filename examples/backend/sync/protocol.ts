import type { UserIdentityAttributes } from "convex/server";
import type { JSONValue } from "convex/values";

/** The messages of clients, with the fields that this backend reads. */
export type ClientMessage =
  | { type: "Connect"; sessionId: string }
  | { type: "Authenticate"; baseVersion: number; token: AuthenticationToken }
  | { type: "ModifyQuerySet"; baseVersion: number; newVersion: number; modifications: QueryModification[] }
  | FunctionRequest
  | { type: "Event" };

/** A function that a client asks for. */
interface RequestedFunction {
  udfPath: string;
  /** A list with one object. */
  args: JSONValue[];
  /** Empty for the app itself. */
  componentPath: string;
}

/** A mutation or an action that a client asks for. */
export interface FunctionRequest extends RequestedFunction {
  type: "Mutation" | "Action";
  requestId: number;
}

/** A change that a client makes to its set of queries. */
export type QueryModification =
  | ({ type: "Add"; queryId: number } & RequestedFunction)
  | { type: "Remove"; queryId: number };

/** A client's credentials: an admin has a key of the deployment, and may act as a user. */
export type AuthenticationToken =
  | { tokenType: "None" }
  | { tokenType: "User"; value: string }
  | { tokenType: "Admin"; value: string; user?: UserIdentityAttributes };

/** The versions of the queries, the identity and the data that a client has seen. */
export interface StateVersion {
  querySet: number;
  identity: number;
  ts: string;
}

/** A change in the state of one query of a client. Journals are for pagination, and are always null here. */
export type StateModification =
  | { type: "QueryUpdated"; queryId: number; value: JSONValue; logLines: string[]; journal: null }
  | {
      type: "QueryFailed";
      queryId: number;
      errorMessage: string;
      errorData?: JSONValue;
      logLines: string[];
      journal: null;
    }
  | { type: "QueryRemoved"; queryId: number };

/** The messages of the backend. */
export type ServerMessage =
  | {
      type: "Transition";
      startVersion: StateVersion;
      endVersion: StateVersion;
      modifications: StateModification[];
    }
  | {
      type: "MutationResponse" | "ActionResponse";
      requestId: number;
      success: boolean;
      result: JSONValue;
      errorData?: JSONValue;
      ts?: string;
      logLines: string[];
    }
  | { type: "FatalError"; error: string }
  | { type: "AuthError"; error: string; baseVersion: number; authUpdateAttempted: boolean }
  | { type: "Ping" };

/** Timestamps travel as unsigned 64-bit integers, little-endian, in base64. */
export function encodeTs(ts: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(ts);
  return bytes.toString("base64");
}

export function decodeTs(encoded: string): bigint {
  return Buffer.from(encoded, "base64").readBigUInt64LE();
}
