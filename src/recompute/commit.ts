import type { Value } from "convex/values";
import type { ViewDefinition } from "../model/definition.js";
import { type MutationExecution, markOf } from "../model/execution.js";
import { askedNow } from "../model/idleClock.js";
import type { Computed } from "../model/jobs.js";
import { announcement, commitRow, findRow, type Key, nextLookAt, sweepRow } from "../model/row.js";
import type { Row } from "../schema.js";
import { covered } from "../staleness/coverage.js";
import { isLeased, recomputeSoon } from "../staleness/mark.js";
import { tagsOf } from "../staleness/tags.js";
import { isRecorded, Recorder } from "../tracking/recorder.js";
import { removeDependencies, storeDependencies } from "../tracking/store.js";
import { computeValue } from "./compute.js";
import { endRunOf } from "./turns.js";

/**
 * Why a key is recomputed. `byWrite`: a write or the app asked for it; otherwise a reader did, which renews the lease
 * of the row. `touchedAt`: a source changed then, and the value may lack that change, so the new row is marked.
 */
type Cause = { byWrite?: boolean | undefined; touchedAt?: number | undefined };

/**
 * Computes the value of a key and commits it as its row, in one transaction: when a source changes meanwhile, Convex
 * runs one of the two again. It ends a run of the key, and returns the value. Call it inside `mutex.run`.
 * @throws As `computeValue` and `commit`.
 */
export async function computeAndCommit(execution: MutationExecution, view: ViewDefinition, key: Key, cause: Cause) {
  const recorder = isRecorded(view) ? new Recorder() : undefined;
  const computed = await covered(view, key, (coverage) => computeValue(execution, view, key, { recorder, coverage }));
  if (recorder?.untracked) throw recorder.untracked;
  const tracked = recorder && (await storeDependencies(execution, { view: view.name, key: key.text }, recorder));
  await commit(execution, view, key, { ...computed, ...(tracked && { tracked }) }, cause);
  await endRunOf(execution, view, key.text);
  return computed.value;
}

/**
 * Commits a value as the row of its key. When the new row is marked and leased, its next recompute is scheduled. Call
 * it inside `mutex.run`.
 * @throws Error, when the view's own predicate calls the new row stale, or the row is too large.
 */
export async function commit(
  execution: MutationExecution,
  view: ViewDefinition,
  key: Key,
  computed: Computed & Pick<Row, "tracked">,
  { byWrite, touchedAt }: Cause,
): Promise<void> {
  const { ledger, reader } = execution;
  const { name, leaseMs } = view;
  const row = await findRow(execution.db, view, key.text);
  const now = Date.now();
  const born = { _creationTime: row?._creationTime ?? now };
  const fields = {
    key: key.text,
    args: key.args,
    ...computed,
    computedAt: now,
    askedAt: byWrite ? row?.askedAt : askedNow(row, now),
    idleAt: row?.idleAt,
    leaseUntil: byWrite || leaseMs === undefined ? row?.leaseUntil : now + leaseMs,
  };
  const next = { ...fields, expiresAt: nextLookAt(view, { ...born, ...fields }, now) } as Row<Value, Value>;
  // Throws when the tags are wrong. The verdict on a new row needs neither tags nor probes: nothing is newer.
  tagsOf(view, key.args);
  const verdict = await view.staleWhen.judge({ ctx: reader, row: next, hasChanged: async () => false });
  if (verdict !== "fresh") {
    const when = "right after it was computed; it must be fresh then";
    throw new Error(`view "${name}": staleWhen calls the row ${verdict} ${when}.`);
  }
  if (touchedAt !== undefined) {
    next.dirtyAt = touchedAt;
    if (isLeased(view, next, now) && (await recomputeSoon(execution, view, key, next))) {
      Object.assign(next, announcement(view, next, now));
    } else execution.wakesReaders = true;
  }
  if (row?.tracked && !computed.tracked) await removeDependencies(execution, { view: name, key: key.text });
  await commitRow(execution.watched, view, row, next);
  execution.forget(markOf(view, key.text));
  // A sweep that release 0.1 has scheduled does not count: this release does not know its job.
  const isScheduled = next.expiresAt === row?.expiresAt && row?.seq === undefined;
  if (!isScheduled) await sweepRow(ledger, view, { ...born, ...next }, now);
}
