import type { Change } from "../../../examples/backend/readSet";
import type { Deployment } from "../app.js";
import type { Ended } from "../engine/backend.js";
import type { Commit, Store } from "../engine/store.js";
import { type ViewName, viewsUnder } from "../trackedViews.js";
import { asRow, followsItems, isClean, numbersOf, rowsOf } from "../truth.js";
import { checkDependencies } from "./dependencies.js";
import { must } from "./violation.js";

/** The functions that commit rows. */
const COMMITTERS = ["lazy:recompute", "app:refresh", "app:addAround", "app:changePart"];

/**
 * Each commit of a row stores the snapshot that it was computed from, which is later than that of the commit before. Only
 * commits and `applyChange` change a row's value.
 */
export function checkRows(store: Store, deployment: Deployment, commit: Commit): void {
  const views = viewsOf(deployment);
  for (const change of commit.changes) {
    if (views.includes(change.table as ViewName)) checkChange(commit, change, deployment);
  }
  if (deployment.reads !== undefined) checkDependencies(store, deployment, commit, views);
}

/** No lost invalidation: a row that nothing marks as out of date has the right value. */
export function checkTruth(store: Store, deployment: Deployment, commit: number): void {
  if (!followsItems(deployment.guard)) return;
  for (const view of viewsOf(deployment)) {
    for (const [group, row] of rowsOf(store, commit, view)) {
      if (!isClean(store, deployment, row, commit, view)) continue;
      const numbers = numbersOf(store, group, commit, view);
      must(isEqual(row.value.ns, numbers), () => {
        const { path } = store.commits[commit - 1] ?? {};
        const ns = JSON.stringify(row.value.ns);
        return `After commit ${commit} (${path}) row ${group} of ${view} is clean with ${ns}, but its items are ${JSON.stringify(numbers)}.`;
      });
    }
  }
}

function viewsOf({ reads }: Deployment): readonly ViewName[] {
  return ["groups", ...viewsUnder(reads)];
}

/** A mutation keeps the writes that it has not awaited. */
export function checkWrites({ path, commit }: Ended<Deployment>): void {
  if (path !== "app:addUnawaited") return;
  const added = (commit?.changes ?? []).filter(({ table }) => table === "items").length;
  must(added === 2, () => `${path} wrote ${added} of its two items.`);
}

function checkChange({ number, path }: Commit, { table, before, after }: Change, { guard, reads }: Deployment): void {
  if (after === null) return;
  const old = before === null ? null : asRow(before);
  const row = asRow(after);
  const what = `Commit ${number} (${path}) of row ${row.args.group}`;
  if (old !== null && row.asOf === old.asOf) {
    const isApplied = guard.startsWith("applied") || (reads === "over applied" && table !== "groups");
    const mayApply = isApplied && path.startsWith("app:") && old.dirtyAt === undefined;
    const isSameValue = mayApply || JSON.stringify(row.value) === JSON.stringify(old.value);
    const isSame = isSameValue && row.computedAt === old.computedAt;
    must(isSame, () => `${what} changed the value and not its snapshot.`);
    return;
  }
  must(COMMITTERS.includes(path), () => `${what}: it is no business of ${path}.`);
  must(old === null || row.asOf > old.asOf, () => `${what} computed from no later snapshot.`);
}

export function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}
