import { type JSONValue, jsonToConvex } from "convex/values";
import type { Change } from "../../../examples/backend/readSet";
import type { Deployment } from "../app.js";
import { CODE } from "../engine/transaction.js";
import { isExact, PART_TABLES } from "../trackedViews.js";
import { asRow } from "../truth.js";
import { must } from "./violation.js";

const LEDGER = ["lazyEffects", "lazySweeps"];
/** The table of the tail, and the functions that may have conflicts on it. */
const TAIL = "lazyTail";
const TAIL_WRITERS = ["lazy:dispatch", "lazy:sweep"];

/** The tables that writes to items use: the items, the rows and runs of their groups, and tags. */
const WRITTEN = ["items", "groups", "lazyRuns", "lazyTags"];
/** The tables that they also use when views are tracked: dependencies, and the rows of inner views. */
const TRACKED = ["boxes", "lazyDependencies", "lazyShapes", ...Object.keys(PART_TABLES)];

/** Function → the tables that it may have conflicts on. A function that is not listed may have them on any table. */
const TABLES: Record<string, readonly string[]> = {
  "lazy:dispatch": LEDGER,
  "app:add": WRITTEN,
  "app:addBoth": WRITTEN,
  "app:addNested": WRITTEN,
  "app:addUnawaited": WRITTEN,
  "app:move": WRITTEN,
  "app:remove": WRITTEN,
  "app:renumber": WRITTEN,
};

/**
 * A dispatch conflicts only with writes of the same entries of the ledger, or of rows that its effect's reader did not
 * find. A write of items conflicts only with writes of the same items, of their groups' rows, of tags, and, when rows are
 * leased, of the ledger's entries.
 */
export function checkConflict(deployment: Deployment, path: string, args: JSONValue, change: Change): void {
  const { isLeased, reads } = deployment;
  if (change.table === CODE.table) return;
  if (change.table === TAIL && TAIL_WRITERS.includes(path)) return;
  must(change.table !== TAIL, () => `${path} was in conflict about the tail.`);
  if (isLeased && path.startsWith("app:") && LEDGER.includes(change.table)) return;
  if (path === "lazy:dispatch" && isUnseenRow(args, change)) return;
  const tables = TABLES[path];
  if (tables === WRITTEN && reads !== undefined && TRACKED.includes(change.table)) return;
  must(tables === undefined || tables.includes(change.table), () => {
    return `${path} was in conflict with a write to ${change.table} (${change.id}).`;
  });
  if (path !== "app:add" || change.table !== "groups" || !isExact(deployment)) return;
  const { group } = asRow((change.after ?? change.before) as NonNullable<Change["after"]>).args;
  const { list, color } = args as { list: string; color: string };
  must(group === list || group === color, () => {
    return `${path} of an item in ${list} and ${color} was in conflict with a write to row ${group}.`;
  });
}

/** Whether a dispatch reads the row itself, since its effect's reader found none. */
function isUnseenRow(args: JSONValue, { table, before, after }: Change): boolean {
  const { args: key } = asRow((after ?? before) as NonNullable<Change["after"]>);
  const { effects } = jsonToConvex(args) as unknown as {
    effects: { seen?: bigint; args: { view?: string; args?: { group: string } } }[];
  };
  return effects.some(({ seen, args }) => seen === 0n && args.view === table && args.args?.group === key.group);
}
