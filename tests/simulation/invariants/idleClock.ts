import type { Change } from "../../../examples/backend/readSet";
import { type Deployment, EVICT_AFTER_MS } from "../app.js";
import type { Ended } from "../engine/backend.js";
import type { Commit, Store } from "../engine/store.js";
import { asRow, isIdle, isOfPart, type RecomputeJob, type Row, rowsOf } from "../truth.js";
import type { Effects } from "./effects.js";
import { must } from "./violation.js";

const HALF_MS = EVICT_AFTER_MS / 2;
/** Outcomes of an attempt that count for the idle clock as a reader's request. */
const HEARD = ["committed", "clean", "begun", "failed"];

/** The readers of a group. */
export interface Readers {
  effects: Effects;
  /** Whether a reader watches it, and has seen this snapshot or a later one. */
  isWatched(group: string, snapshot: number): boolean;
  /** Whether a recompute that they asked for has died. */
  isBereft(group: string): boolean;
}

/**
 * Invariants of the idle clock, for every change of a row:
 * - A sweep makes a row idle when no reader has asked for half of `evictAfter`, at most once in `evictAfter`, or in half
 *   of it while readers ask in vain.
 * - A sweep deletes a row that has been idle for half of `evictAfter`, unless the effect of a reader who saw it idle has
 *   arrived, and its job has not died. Every subscriber who has seen the row idle has raised such an effect.
 */
export function checkClock(
  { path, begunAt }: Commit,
  { before, after }: Change,
  { isEvicting }: Deployment,
  readers: Readers,
): void {
  const old = before === null ? null : asRow(before);
  if (after === null) {
    if (path === "app:evict" || old === null) return;
    const { group } = old.args;
    const isDue = isEvicting && path === "lazy:sweep" && isIdle(old) && begunAt - idleAt(old) >= HALF_MS;
    must(isDue, () => `${path} deleted row ${group}.`);
    const isAsked = readers.effects.fateOfIdle(group, old.asOf) === "arrived" && !readers.isBereft(group);
    must(!isAsked, () => `${path} deleted row ${group}, which a reader had asked for.`);
    const isRaised = readers.effects.fateOfIdle(group) !== "none" || old.pendingUntil !== undefined;
    must(
      isRaised || !readers.isWatched(group, readers.effects.idleSince(group)),
      () => `${path} deleted row ${group}, which those who watch it had not asked for.`,
    );
    return;
  }
  const row = asRow(after);
  if (idleAt(row) === idleAt(old)) return;
  const waited = idleAt(row) - (isIdle(old ?? row) ? idleAt(old) : Math.max(idleAt(old) + HALF_MS, old?.askedAt ?? 0));
  must(isEvicting && path === "lazy:sweep" && waited >= HALF_MS, () => {
    return `${path} made row ${row.args.group} idle ${waited} ms after it was asked for, or idle before.`;
  });
}

function idleAt(row: Row | null): number {
  return row?.idleAt ?? 0;
}

/** After an attempt that a reader asked for, the row is not idle, and its commit stores the time of the request. */
export function checkHeard(ended: Ended<Deployment>, store: Store): void {
  const { path, args, result, snapshot, begunAt, commit } = ended;
  if (path !== "lazy:recompute" || "error" in result || !HEARD.includes(String(result.value))) return;
  const { job } = args as unknown as { job: RecomputeJob & { kind: string; byWrite?: boolean; args: Row["args"] } };
  const { kind, byWrite, args: key } = job;
  if (kind !== "attempt" || byWrite === true || isOfPart(job)) return;
  const row = rowsOf(store, commit?.number ?? snapshot).get(key.group);
  if (row === undefined) return;
  const isHeard = !isIdle(row) && (result.value !== "committed" || (row.askedAt ?? 0) >= begunAt);
  must(isHeard, () => `An attempt for a reader has left row ${key.group} idle, or as last asked for before.`);
}
