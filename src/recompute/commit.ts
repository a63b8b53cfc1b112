import type { Value } from "convex/values";
import { ensureSweep, sweepWhenDue } from "../effects/sweep.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { Computed } from "../model/jobs.js";
import { announcement, commitRow, findRow, type Key, nextAgeAt } from "../model/row.js";
import type { Row, Run, StoredRow } from "../schema.js";
import { evictionSweep } from "../staleness/evictable.js";
import { judgeNew } from "../staleness/judge.js";
import { isLeased, recomputeSoon } from "../staleness/mark.js";
import { watchedDb } from "../staleness/sources.js";
import { computeValue } from "./compute.js";
import { endRunOf } from "./turns.js";

/** What asked for a recompute: a reader renews the row's lease. */
export type AskedBy = "reader" | "write" | "app";

/**
 * Computes a key's value and commits it as its row, in one transaction: a source that changes meanwhile makes
 * Convex run one of the two again, so no change is lost. A run of the key is over. In the mutation's turn.
 *
 * @returns The value.
 * @throws What `compute` throws; or an Error when the value does not fit the view, or when the view's own
 * predicate still calls the new row stale.
 */
export async function computeAndCommit(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  askedBy: AskedBy,
): Promise<unknown> {
  const computed = await computeValue(execution.reader, view, key);
  const row = await findRow(execution.db, view, key.text);
  await writeRow(execution, { view, key, row, computed, askedBy });
  await endRunOf(execution, view, key.text);
  return computed.value;
}

/**
 * Commits what a run has computed. A change during the run, which the value may not show, becomes the row's mark; when
 * the row is leased, its recompute is scheduled too.
 */
export async function commitComputed(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  run: Run,
  computed: Computed,
): Promise<void> {
  await execution.mutex.run(async () => {
    const row = await findRow(execution.db, view, key.text);
    const askedBy = run.byWrite ? "write" : "reader";
    await writeRow(execution, { view, key, row, computed, askedBy, touchedAt: run.touchedAt });
  });
}

/** A row that is committed, in the mutation's turn. */
interface Commit {
  view: ViewDefinition;
  key: Key;
  /** The row as it is, if there is one. */
  row: StoredRow | null;
  computed: Computed;
  askedBy: AskedBy;
  /** When a change came that is not in the value. */
  touchedAt?: number | undefined;
}

/** @throws Error when the view's own predicate calls the new row stale, or the row is too large. */
async function writeRow(
  execution: MutationExecution,
  { view, key, row, computed, askedBy, touchedAt }: Commit,
): Promise<void> {
  const { ledger } = execution;
  const now = Date.now();
  const { value, ...stamps } = computed;
  const askedAt = askedBy === "reader" ? now : row?.askedAt;
  const isRenewed = askedBy === "reader" && view.leaseMs !== undefined;
  const leaseUntil = isRenewed ? now + (view.leaseMs as number) : row?.leaseUntil;
  const expiresAt = nextAgeAt(view, now, now);
  const next: Row<Value, Value> = {
    key: key.text,
    args: key.args,
    value: value as Value,
    ...stamps,
    computedAt: now,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(askedAt !== undefined && { askedAt }),
    ...(leaseUntil !== undefined && { leaseUntil }),
  };
  const verdict = await judgeNew(execution.reader, view, next);
  if (verdict !== "fresh") {
    throw new Error(
      `view "${view.name}": staleWhen calls the row ${verdict} right after it was computed. ` +
        "A predicate must call a new row fresh, or it would be recomputed for ever.",
    );
  }
  if (touchedAt !== undefined) {
    next.dirtyAt = touchedAt;
    if (isLeased(view, next, now) && (await recomputeSoon(execution, view, key, next))) {
      Object.assign(next, announcement(view, next, now));
    }
  }
  await commitRow(watchedDb(execution), view, row, next);
  execution.forget({ view, text: key.text });
  if (next.expiresAt !== undefined) {
    await sweepWhenDue(ledger, view.name, { expiresAt: next.expiresAt, now });
  }
  const eviction = evictionSweep(view, now);
  if (eviction !== null) await ensureSweep(ledger, eviction);
}
