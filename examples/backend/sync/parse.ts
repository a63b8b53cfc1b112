import type { UserIdentityAttributes } from "convex/server";
import type { JSONValue } from "convex/values";
import type { AuthenticationToken, ClientMessage, QueryModification } from "./protocol";

/** An error in a client's message. Convex ends the connection, and the client does not try again. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

type Fields = Record<string, unknown>;

/**
 * Reads a message of a client.
 *
 * @throws ProtocolError for a text that is no JSON, an unknown type, or a field that is missing or of a wrong type.
 */
export function parseClientMessage(text: string): ClientMessage {
  try {
    return messageOf(object(JSON.parse(text), "a message"));
  } catch (error) {
    throw new ProtocolError(`Received Invalid JSON on websocket: ${(error as Error).message}`);
  }
}

function messageOf(message: Fields): ClientMessage {
  const { type } = message;
  switch (type) {
    case "Connect":
      return { type, sessionId: text(message.sessionId, "sessionId") };
    case "Authenticate":
      return { type, baseVersion: wholeNumber(message.baseVersion, "baseVersion"), token: tokenOf(message) };
    case "ModifyQuerySet":
      return {
        type,
        baseVersion: wholeNumber(message.baseVersion, "baseVersion"),
        newVersion: wholeNumber(message.newVersion, "newVersion"),
        modifications: list(message.modifications, "modifications").map(modificationOf),
      };
    case "Mutation":
    case "Action":
      return { type, requestId: wholeNumber(message.requestId, "requestId"), ...functionOf(message) };
    case "Event":
      text(message.eventType, "eventType");
      return { type };
    default:
      throw new Error(`unknown variant ${JSON.stringify(type)} in the field type`);
  }
}

function modificationOf(value: unknown): QueryModification {
  const modification = object(value, "a modification");
  const { type } = modification;
  const queryId = wholeNumber(modification.queryId, "queryId");
  if (type === "Remove") return { type, queryId };
  if (type === "Add") return { type, queryId, ...functionOf(modification) };
  throw new Error(`unknown variant ${JSON.stringify(type)} in the field type`);
}

function functionOf(message: Fields) {
  const { componentPath } = message;
  return {
    udfPath: functionPath(message.udfPath),
    args: list(message.args, "args") as JSONValue[],
    componentPath: componentPath === undefined || componentPath === null ? "" : text(componentPath, "componentPath"),
  };
}

function tokenOf({ tokenType, value, impersonating, actingAs = impersonating }: Fields): AuthenticationToken {
  if (tokenType === "None") return { tokenType };
  if (tokenType === "User") return { tokenType, value: text(value, "value") };
  if (tokenType !== "Admin") throw new Error(`unknown variant ${JSON.stringify(tokenType)} in the field tokenType`);
  const token = { tokenType, value: text(value, "value") } as const;
  if (actingAs === undefined || actingAs === null) return token;
  return { ...token, user: object(actingAs, "impersonating") as unknown as UserIdentityAttributes };
}

function object(value: unknown, name: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error(`${name} is ${JSON.stringify(value)}, expected an object`);
}

function list(value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error(`the field ${name} is ${JSON.stringify(value)}, expected an array`);
}

function text(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new Error(`the field ${name} is ${JSON.stringify(value)}, expected a string`);
}

function wholeNumber(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  throw new Error(`the field ${name} is ${JSON.stringify(value)}, expected a whole number from 0 to 2^32 - 1`);
}

/** `module:name`, `folder/module:name`, or `module` for its default export. */
function functionPath(value: unknown): string {
  const path = text(value, "udfPath");
  const [, module = ""] = /^([\w./]+)(?::\w+)?$/.exec(path) ?? [];
  if (module.split("/").every((part) => /[a-z0-9]/i.test(part))) return path;
  throw new Error(`the field udfPath is ${JSON.stringify(path)}, expected the path of a function`);
}
