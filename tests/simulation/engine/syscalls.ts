import { convexToJson, type JSONValue, jsonToConvex, type Value } from "convex/values";
import {
  type FunctionAddress,
  type FunctionLocation,
  locate,
  qualify,
  ROOT,
} from "../../../examples/backend/components";
import type { SerializedQuery } from "../../../examples/backend/intervals";
import type { Document } from "../../../examples/backend/readSet";
import type { Arguments, Frame } from "./frame.js";
import { encoded } from "./store.js";
import type { Transaction } from "./transaction.js";

/** The table of scheduled functions. */
export const JOBS = "_scheduled_functions";

/** A document of the table of scheduled functions. */
export interface Job {
  _id: string;
  name: string;
  args: [Value];
  scheduledTime: number;
  state: { kind: "pending" | "inProgress" | "success" | "failed" | "canceled" };
}

/** Answers a synchronous system call. */
export function answerSync(frame: Frame, op: string, args: Arguments): JSONValue {
  const transaction = transactionOf(frame, op);
  switch (op) {
    case "1.0/getSnapshotTs":
      return convexToJson(transaction.ts);
    case "1.0/queryStream":
      return {
        queryId: frame.streams.push(transaction.startQuery(ownQuery(frame, args.query))) - 1,
      };
    case "1.0/queryCleanup":
      return {};
    case "1.0/db/normalizeId":
      return { id: tableOf(args.idString) === ownTable(frame, args.table) ? args.idString : null };
    default:
      throw new Error(`The simulation does not model the system call ${op}.`);
  }
}

/** Answers a transaction's system call that calls no function, with JSON as text. */
export function answer(frame: Frame, op: string, args: Arguments): string {
  const transaction = transactionOf(frame, op);
  switch (op) {
    case "1.0/get":
      return encoded(transaction.get(tableOf(args.id), args.id));
    case "1.0/queryStreamNext": {
      const stored = transaction.next(frame.streams[args.queryId] as Frame["streams"][number]);
      return `{"done":${stored === null},"value":${encoded(stored)}}`;
    }
    case "1.0/queryPage": {
      const { query, cursor, pageSize } = args;
      const { documents, ...page } = transaction.page(ownQuery(frame, query), cursor, pageSize);
      const rest = JSON.stringify({ ...page, splitCursor: null, pageStatus: null });
      return `{"page":[${documents.map(encoded).join(",")}],${rest.slice(1)}`;
    }
    case "1.0/getTransactionMetrics":
      return JSON.stringify(transaction.usage.metrics());
    case "1.0/getFunctionMetadata":
      return JSON.stringify({
        name: frame.path.split(";").at(-1),
        componentPath: componentOf(frame.path),
      });
    case "1.0/createFunctionHandle":
      return JSON.stringify(functionHandle(frame, args));
  }
  if (frame.kind !== "mutation") throw new Error(`${frame.path} is a query, and called ${op}.`);
  switch (op) {
    case "1.0/insert": {
      const fields = jsonToConvex(args.value) as { [name: string]: Value };
      const table = ownTable(frame, args.table);
      return JSON.stringify({ _id: transaction.insert(table, fields).document._id });
    }
    case "1.0/shallowMerge":
      transaction.change(tableOf(args.id), args.id, (document) => patched(document, args.value));
      return "{}";
    case "1.0/replace":
      transaction.change(tableOf(args.id), args.id, () => jsonToConvex(args.value) as Document);
      return "{}";
    case "1.0/remove":
      transaction.remove(tableOf(args.id), args.id);
      return "{}";
    case "1.0/schedule":
      return JSON.stringify(schedule(transaction, addressed(frame, args), args));
    case "1.0/cancel_job":
      cancel(transaction, args.id);
      return "{}";
    default:
      throw new Error(`The simulation does not model the system call ${op}.`);
  }
}

/** Puts a job into the table of scheduled functions. It starts after the transaction has committed. */
export function schedule(transaction: Transaction, name: string, { args, ts }: { args: JSONValue; ts: number }): Value {
  transaction.usage.add("functionsScheduled", 1);
  transaction.usage.add("scheduledFunctionArgsBytes", JSON.stringify(args).length);
  const job = { name, args: [jsonToConvex(args)], scheduledTime: ts * 1000 };
  return transaction.insert(JOBS, { ...job, state: { kind: "pending" } }).document._id as Value;
}

/** Cancels a job, unless it has begun. */
export function cancel(transaction: Transaction, id: string): void {
  const job = transaction.get(JOBS, id)?.document as unknown as Job | undefined;
  if (job?.state.kind !== "pending") return;
  transaction.change(JOBS, id, (document) => ({ ...document, state: { kind: "canceled" } }));
}

/** Ids are a number followed by the name of their table. */
export function tableOf(id: string): string {
  return id.replace(/^\d+/, "");
}

/** The path of the function at an address, as the frame's function sees it. */
export function addressed(frame: Frame, address: FunctionAddress): string {
  return functionPath(locate(componentOf(frame.path), address));
}

/** The path of a function of the app, or of one of its components: `aggregate;public:insert`. */
export function functionPath({ component, path }: FunctionLocation): string {
  return component === ROOT ? path : `${component};${path}`;
}

/** @returns A text that names a function wherever it is used. */
export function functionHandle(frame: Frame, address: FunctionAddress): string {
  const { component, path } = locate(componentOf(frame.path), address);
  return `function://${component};${path}`;
}

function componentOf(path: string): string {
  return path.includes(";") ? (path.split(";")[0] as string) : ROOT;
}

/** Components have tables of their own; all share those of the system. */
function ownTable(frame: Frame, table: string): string {
  return table.startsWith("_") ? table : qualify(componentOf(frame.path), table);
}

function ownQuery(frame: Frame, query: SerializedQuery): SerializedQuery {
  const { source } = query;
  const own =
    source.type === "FullTableScan"
      ? { ...source, tableName: ownTable(frame, source.tableName) }
      : { ...source, indexName: ownTable(frame, source.indexName) };
  return { ...query, source: own };
}

function transactionOf(frame: Frame, op: string): Transaction {
  if (frame.transaction === null) throw new Error(`${frame.path} is an action, and called ${op}.`);
  return frame.transaction;
}

function patched(document: Document, changes: { [name: string]: JSONValue }): Document {
  const next = { ...document };
  for (const [name, value] of Object.entries(changes)) {
    if (typeof value === "object" && value !== null && "$undefined" in value) delete next[name];
    else next[name] = jsonToConvex(value);
  }
  return next;
}
