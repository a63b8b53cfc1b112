import type { Deployment, Item } from "../app.js";
import type { Commit, Store } from "../engine/store.js";
import { isExact, type ViewName, viewsUnder } from "../trackedViews.js";
import { numbersOf, type Row, rowsOf } from "../truth.js";
import { must } from "./violation.js";

type Dependency = { view: string; key: string };

/** The most dependencies of a row that reads no other view and does not read item by item. Each other view adds its key. */
const MOST = 8;

/**
 * The cost of tracking, checked after every commit:
 * - Each stored dependency belongs to a row, and no row has more dependencies than its last compute has read.
 * - A write marks no row that does not depend on it.
 */
export function checkDependencies(
  store: Store,
  deployment: Deployment,
  commit: Commit,
  views: readonly ViewName[],
): void {
  const count = new Map<string, number>();
  for (const { document } of store.scan("lazyDependencies", commit.number)) {
    const { view, key } = document as unknown as Dependency;
    if (view !== "") count.set(`${view} ${key}`, 1 + (count.get(`${view} ${key}`) ?? 0));
  }
  for (const view of views) {
    for (const [group, row] of rowsOf(store, commit.number, view)) {
      const name = `${view} ${row.key}`;
      const found = (count.get(name) ?? 0) + (row.tracked?.shared?.length ?? 0);
      count.delete(name);
      const change = commit.changes.find(({ table, after }) => table === view && after?.key === row.key);
      if (change === undefined || change.before?.asOf === row.asOf) continue;
      const most = mostOf(store, deployment, group, commit.number);
      must(found <= most, () => `Row ${name} has ${found} dependencies, and reads ${most}.`);
    }
  }
  must(count.size === 0, () => `There are dependencies of rows that are not there: ${[...count.keys()]}.`);
  if (isExact(deployment)) checkMarks(commit, views);
}

function mostOf(store: Store, { reads }: Deployment, group: string, snapshot: number): number {
  if (reads === "steps") return numbersOf(store, group, snapshot).length + 2;
  if (reads === "ids") return [...store.scan("boxes", snapshot)].length + 1;
  const rows = reads === "rows" ? [...store.scan("colors", snapshot)] : [];
  return MOST + 2 * (viewsUnder(reads).length + rows.length);
}

function checkMarks({ number, path, changes }: Commit, views: readonly ViewName[]): void {
  const items = changes.flatMap(({ table, before, after }) => (table === "items" ? [before, after] : []));
  const groups = items.flatMap((item) => {
    const { list, color } = (item ?? {}) as Partial<Item>;
    return [list, color];
  });
  for (const { table, before, after } of changes) {
    if (items.length === 0 || !views.includes(table as ViewName)) continue;
    const isMarked = before !== null && before.dirtyAt === undefined && after?.dirtyAt !== undefined;
    const { group } = (after as Row | null)?.args ?? { group: "" };
    must(!isMarked || groups.includes(group), () => `Commit ${number} (${path}) marks row ${table} ${group}.`);
  }
}
