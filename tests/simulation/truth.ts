import type { Document } from "../../examples/backend/readSet";
import { AGE_MS, type Deployment, type Guard, type Item } from "./app.js";
import type { Store } from "./engine/store.js";

/** A stored row, as far as it is judged here. */
export interface Row {
  args: { group: string };
  value: { ns: number[]; version: number };
  version: number;
  asOf: bigint;
  computedAt: number;
  dirtyAt?: number;
  nudgedAt?: number;
  expiresAt?: number;
  askedAt?: number;
  pendingUntil?: number;
  /** Of release 0.1: it may have left its mark elsewhere. */
  seq?: number;
  idleAt?: number;
}

/*
 * What is true, told from the stored documents alone and without the library, so that it can be held against what the
 * library says.
 */

/** The numbers of the items of a group, in order, as a snapshot shows them. */
export function numbersOf(store: Store, group: string, snapshot: number): number[] {
  const numbers: number[] = [];
  for (const { document } of store.scan("items", snapshot)) {
    const { list, color, n } = document as unknown as Item;
    if (list === group || color === group) numbers.push(n);
  }
  return numbers.sort((a, b) => a - b);
}

/** The rows of a snapshot, by their groups. */
export function rowsOf(store: Store, snapshot: number): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { document } of store.scan("groups", snapshot)) {
    const row = asRow(document);
    rows.set(row.args.group, row);
  }
  return rows;
}

export function asRow(document: Document): Row {
  return document as unknown as Row;
}

/** Whether nothing says that the row is out of date. */
export function isClean(store: Store, deployment: Deployment, row: Row, snapshot: number): boolean {
  if (row.version !== deployment.version || row.seq !== undefined) return false;
  switch (deployment.guard) {
    case "aged":
      return !isOld(row);
    case "both":
    case "applied and aged":
      return row.dirtyAt === undefined && !isOld(row);
    case "tags":
      return row.dirtyAt === undefined && !isTagNewer(store, row, snapshot);
    default:
      return row.dirtyAt === undefined;
  }
}

/** Whether a row has reached the age of its view. */
export function isOld({ expiresAt, computedAt }: Row): boolean {
  return expiresAt === undefined || expiresAt > computedAt + AGE_MS;
}

/** Whether a row goes unless a reader takes it back. */
export function isIdle({ idleAt = 0, askedAt = 0 }: Row): boolean {
  return askedAt < idleAt;
}

/** Whether rows follow the items, so that a clean row must have the right value. */
export function followsItems(guard: Guard): boolean {
  return guard !== "aged";
}

export function hasAge(guard: Guard): boolean {
  return ["aged", "both", "applied and aged"].includes(guard);
}

function isTagNewer(store: Store, { args, asOf }: Row, snapshot: number): boolean {
  for (const { document } of store.scan("lazyTags", snapshot)) {
    const { tag, bumpedAt } = document as unknown as { tag: string; bumpedAt: bigint };
    if (tag === `group:${args.group}` && bumpedAt > asOf) return true;
  }
  return false;
}
