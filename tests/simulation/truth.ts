import type { Document } from "../../examples/backend/readSet";
import { AGE_MS, type Deployment, type Guard, type Item } from "./app.js";
import type { Store } from "./engine/store.js";
import { isRecorded, type ViewName, versionOf } from "./trackedViews.js";

/** The fields of a stored row that are checked here. */
export interface Row {
  key: string;
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
  /** Only in rows of release 0.1, whose mark may be stored elsewhere. */
  seq?: number;
  idleAt?: number;
  tracked?: { over?: Record<string, number>; shared?: string[] };
}

/*
 * What is true, derived from the stored documents alone, without the library, and compared with the library's answers.
 */

/** Which items of a group are in a view. */
const IN_VIEW: Record<ViewName, (item: Item, group: string) => boolean> = {
  groups: ({ list, color }, group) => list === group || color === group,
  both: (item, group) => IN_VIEW.groups(item, group),
  lists: ({ list }, group) => list === group,
  colors: ({ color }, group) => color === group,
  evens: (item, group) => IN_VIEW.groups(item, group) && item.n % 2 === 0,
  odds: (item, group) => IN_VIEW.groups(item, group) && item.n % 2 === 1,
};

/** The true value of a view for a group: the numbers of its items in a snapshot, in order. */
export function numbersOf(store: Store, group: string, snapshot: number, view: ViewName = "groups"): number[] {
  const numbers: number[] = [];
  for (const { document } of store.scan("items", snapshot)) {
    const item = document as unknown as Item;
    if (IN_VIEW[view](item, group)) numbers.push(item.n);
  }
  return numbers.sort((a, b) => a - b);
}

/** Group → the view's row in a snapshot. */
export function rowsOf(store: Store, snapshot: number, view: ViewName = "groups"): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { document } of store.scan(view, snapshot)) {
    const row = asRow(document);
    rows.set(row.args.group, row);
  }
  return rows;
}

export function asRow(document: Document): Row {
  return document as unknown as Row;
}

/** Whether nothing marks the row of a view as out of date. */
export function isClean(
  store: Store,
  deployment: Deployment,
  row: Row,
  snapshot: number,
  view: ViewName = "groups",
): boolean {
  if (row.version !== versionOf(deployment, view) || row.seq !== undefined) return false;
  if (isUnknown(deployment, row, view) || isSharedNewer(store, row, snapshot)) return false;
  if (view !== "groups") return row.dirtyAt === undefined;
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

/** A request for a recompute. */
export interface RecomputeJob {
  view?: string;
}

/** Whether it is for a view under `groups`, which is not checked. */
export function isOfPart(job: RecomputeJob | undefined): boolean {
  return job?.view !== undefined && job.view !== "groups";
}

/** Whether a row has reached the age of its view. */
export function isOld({ expiresAt, computedAt }: Row): boolean {
  return expiresAt === undefined || expiresAt > computedAt + AGE_MS;
}

/** Whether a row will be deleted unless a reader takes it back. */
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

/** Whether a row does not record its dependencies, or depends on another version of a view. */
export function isUnknown(deployment: Deployment, { tracked }: Row, view: ViewName = "groups"): boolean {
  if (tracked === undefined) return isRecorded(deployment, view);
  return Object.entries(tracked.over ?? {}).some(([name, of]) => versionOf(deployment, name as ViewName) !== of);
}

function isSharedNewer(store: Store, row: Row, snapshot: number): boolean {
  const tags = (row.tracked?.shared ?? []).map((text) => `dependency ${text}`);
  return tags.length > 0 && isAnyNewer(store, tags, row, snapshot);
}

function isTagNewer(store: Store, row: Row, snapshot: number): boolean {
  return isAnyNewer(store, [`group:${row.args.group}`], row, snapshot);
}

function isAnyNewer(store: Store, tags: readonly string[], { asOf }: Row, snapshot: number): boolean {
  for (const { document } of store.scan("lazyTags", snapshot)) {
    const { tag, bumpedAt } = document as unknown as { tag: string; bumpedAt: bigint };
    if (tags.includes(tag) && bumpedAt > asOf) return true;
  }
  return false;
}
