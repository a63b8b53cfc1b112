import type { Change } from "../../../examples/backend/readSet";
import { type Deployment, EVICT_AFTER_MS } from "../app.js";
import type { Ended } from "../engine/backend.js";
import type { Commit, Store } from "../engine/store.js";
import { asRow, isIdle, isOfPart, type RecomputeJob, type Row, rowsOf } from "../truth.js";
import type { Effects } from "./effects.js";
import { must } from "./violation.js";

const HALF_MS = EVICT_AFTER_MS / 2;
/** Outcomes of an attempt after which its reader has been heard. */
const HEARD = ["committed", "clean", "begun", "failed"];

/** What is known of those who read a group. */
export interface Readers {
  effects: Effects;
  /** Whether some watch it, who have seen what a snapshot shows. */
  isWatched(group: string, snapshot: number): boolean;
  /** Whether a recompute has died that they had asked for. */
  isBereft(group: string): boolean;
}

/**
 * The idle clock, of every change of a row:
 * - A sweep makes a row idle when no reader has asked for half of `evictAfter`, at most once in `evictAfter`, or in half
 *   of it while readers ask in vain.
 * - A sweep deletes a row that has been idle for half of `evictAfter`, unless the effect has arrived of a reader who
 *   saw it idle, and its job has not died. Those who watch it, and have seen it idle, have raised one.
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

/** An attempt that a reader has asked for leaves no row idle, and its commit says when that was. */
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
