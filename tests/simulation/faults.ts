import { AGE_MS, type Deployment } from "./app.js";
import type { Commit, Store } from "./engine/store.js";
import { must } from "./invariants/violation.js";
import { asRow, hasAge, isClean, isOld, type Row, rowsOf } from "./truth.js";
import { ChosenWeather } from "./weather.js";

/** From the documentation: how often the heartbeat runs, and how long it looks after a row that was asked for. */
export const BEAT_EVERY_MS = 10 * 60_000;
const LATELY_MS = 3_600_000;
/** The heartbeat leaves a row alone for two minutes, and its snapshot may not yet show the latest changes. */
const PATIENCE_MS = 120_000;
const SNAPSHOT_MS = 10_000;

/** When the faults begin. */
export const CALM_BEFORE_MS = 60_000;

/**
 * While it lasts, half of all effects are lost for good, over every transport and however often they are sent, and half
 * of all scheduled functions die.
 */
export class LastingFaults extends ChosenWeather {
  private readonly lost = new Map<string, boolean>();
  private hasBegun = false;
  private areJobsSpared = false;

  /** The faults begin. Until then, rows can be computed. */
  begin(): void {
    this.hasBegun = true;
  }

  /** From now on no scheduled function dies. Effects are lost as before. */
  spareJobs(): void {
    this.areJobsSpared = true;
  }

  override isLost(text: string): boolean {
    if (this.isClear || !this.hasBegun) return false;
    const isLost = this.lost.get(text) ?? this.choose([false, true], 0);
    this.lost.set(text, isLost);
    return isLost;
  }

  override jobDeath(): boolean {
    return this.areJobsSafe ? false : this.choose([false, true], 0);
  }

  private get areJobsSafe(): boolean {
    return this.areJobsSpared || !this.hasBegun;
  }

  override actionDeath(): number | null {
    return this.areJobsSafe ? null : this.choose([null, 0, null, 1], 0);
  }
}

/**
 * What a heartbeat repairs: every row that a reader has asked for in the last hour, that has waited long enough, and
 * that is not in the backoff of a failure. By the next heartbeat such a row was committed, unless a job of its recompute
 * has died again, or its compute fails.
 */
export class Heartbeats {
  /** Groups whose rows the last heartbeat must repair, with the rows as they were. */
  private readonly owed = new Map<string, Row>();

  constructor(private readonly store: Store) {}

  onBeat(deployment: Deployment, now: number): void {
    for (const [group, row] of this.owed) {
      must(
        false,
        () => `The heartbeat saw to group ${group}, and ten minutes later its row is as of ${row.asOf} still.`,
      );
    }
    for (const [group, row] of rowsOf(this.store, this.store.latest)) {
      if (this.isOverdue(deployment, row, now) && !this.isUnderWay(deployment, group, now)) this.owed.set(group, row);
    }
  }

  onCommit({ changes }: Commit): void {
    for (const { table, before, after } of changes) {
      if (table !== "groups" || before === null) continue;
      const { group } = asRow(before).args;
      // The row may be marked before the heartbeat looks at it, which then leaves it alone for two minutes.
      if (after === null || after.asOf !== before.asOf || after.dirtyAt !== before.dirtyAt) this.owed.delete(group);
    }
  }

  /** A job of a group has died. All groups are excused when their recomputes take turns, or the group is unknown. */
  onDeath(group: string | undefined, { isLimited }: Deployment): void {
    if (group === undefined || isLimited) this.owed.clear();
    else this.owed.delete(group);
  }

  /** Computes fail, or other code is deployed. */
  onTrouble(): void {
    this.owed.clear();
  }

  private isOverdue(deployment: Deployment, row: Row, now: number): boolean {
    const { store } = this;
    const before = store.commits.findLastIndex(({ committedAt }) => committedAt <= now - SNAPSHOT_MS) + 1;
    const earlier = rowsOf(store, before).get(row.args.group);
    if (earlier === undefined || earlier.asOf !== row.asOf) return false;
    if (isClean(store, deployment, row, store.latest) || isClean(store, deployment, earlier, before)) return false;
    if (row.askedAt === undefined || row.askedAt <= now - LATELY_MS + SNAPSHOT_MS) return false;
    if (row.pendingUntil !== earlier.pendingUntil) return false;
    if (row.pendingUntil !== undefined) return row.pendingUntil <= now;
    const age = hasAge(deployment.guard) && isOld(row) ? row.computedAt + AGE_MS : row.computedAt;
    return (row.dirtyAt ?? age) + PATIENCE_MS <= now;
  }

  /** Whether the group is in a backoff, in an open window or in a run, or waits for its turn. */
  private isUnderWay({ isLimited }: Deployment, group: string, now: number): boolean {
    const isAhead = (time: unknown) => typeof time === "number" && time > now - SNAPSHOT_MS;
    for (const { document } of this.store.scan("lazyEffects", this.store.latest)) {
      if (String(document.key).includes(`"group":"${group}"`) && isAhead(document.windowEndsAt)) return true;
    }
    for (const { document } of this.store.scan("lazyRuns", this.store.latest)) {
      if ((document.args as Row["args"]).group === group && isAhead(document.expiresAt)) return true;
    }
    const turns = isLimited ? this.store.scan("lazyTurns", this.store.latest) : [];
    for (const { document } of turns) if (isAhead(document.expiresAt)) return true;
    return false;
  }
}
