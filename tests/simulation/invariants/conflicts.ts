import { type JSONValue, jsonToConvex } from "convex/values";
import type { Change } from "../../../examples/backend/readSet";
import type { Deployment } from "../app.js";
import { CODE } from "../engine/transaction.js";
import { isExact, PART_TABLES } from "../trackedViews.js";
import { asRow } from "../truth.js";
import { must } from "./violation.js";

const LEDGER = ["lazyEffects", "lazySweeps"];
/** What a tail is known by, and what may be in conflict about it. */
const TAIL = "lazyTail";
const TAIL_WRITERS = ["lazy:dispatch", "lazy:sweep"];

/** What writes to items look at: the items, the rows and runs of their groups, and tags. */
const WRITTEN = ["items", "groups", "lazyRuns", "lazyTags"];
/** And, in an app whose views are tracked: what rows depend on, and rows under rows. */
const TRACKED = ["boxes", "lazyDependencies", "lazyShapes", ...Object.keys(PART_TABLES)];

/** What each function may be in conflict about; those that are not listed may about anything. */
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
 * A dispatch conflicts with nobody but those who write the same entries of the ledger, or rows that its effect's reader
 * did not find; and who writes items only
 * with those who write the same items, rows of their groups, and tags; or, when rows are leased, the ledger's entries.
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

/** Whether a dispatch must look at the row itself: a stale snapshot shows one that the effect's reader did not find. */
function isUnseenRow(args: JSONValue, { table, before, after }: Change): boolean {
  const { args: key } = asRow((after ?? before) as NonNullable<Change["after"]>);
  const { effects } = jsonToConvex(args) as unknown as {
    effects: { seen?: bigint; args: { view?: string; args?: { group: string } } }[];
  };
  return effects.some(({ seen, args }) => seen === 0n && args.view === table && args.args?.group === key.group);
}
