import type { Change, Document } from "../../examples/backend/readSet";
import { WINDOW_MS } from "./app.js";
import { MAX_EVENT_AGE_MS } from "./engine/logStream.js";
import { BEAT_EVERY_MS, LastingFaults } from "./faults.js";
import { ALL_TURNS, COLORS, LISTS } from "./history.js";
import { checkHealth } from "./invariants/health.js";
import { checkTruth } from "./invariants/rows.js";
import { must, Violation } from "./invariants/violation.js";
import type { Simulation } from "./simulation.js";
import { asRow, hasAge, isClean, isOld, isUnknown, rowsOf } from "./truth.js";

/** The documentation's hour, measured from now: the heartbeat was earlier, so no such row was too old for it. */
const LATELY_MS = 3_600_000;
/**
 * Longer than the heartbeat leaves alone a stale row that was asked for, a recompute that is on its way, or the turn of
 * a job that has died.
 */
const PATIENCE_MS = 760_000;
const TURN_PATIENCE_MS = 1_300_000;
/** Longer than the first grace: the time after which a write marks a marked row again. */
const GRACE_MS = 61_000;
/** The longest time until all work that is under way has ended: the latest delivery, the longest backoff, a window. */
const CALM_MS = 200_000;
/** The same when the retries are used up: their backoff is ten minutes. */
const LONG_CALM_MS = 900_000;
/** Pages forward an effect again, after an hour at most, while their row is not fresh. */
const CLIENT_CALM_MS = 3_600_000 + CALM_MS;
/** The longest until a page forwards (twelve times the longest transaction) and the recompute is done. */
const LATEST_FORWARD_MS = 45_000;
/** The beats of a heartbeat when no job dies any more. */
const LAST_BEATS = 3;
/** Heartbeats that audit each row of a view, and then those of the views over it. */
const AUDITS = 9;
/** The number of the item that is written without the library. */
const DRIFTED = 1_000;
/** How often readers ask in a backlog. */
const ASK_EVERY_MS = 3_000;
const CRON_EVERY_MS = 60_000;

/** The end of a history checks which rows become fresh by themselves, by a heartbeat, by a write, or by a reader. */
export class Convergence {
  constructor(private readonly simulation: Simulation) {}

  async run(): Promise<void> {
    const { simulation } = this;
    simulation.start({ do: "accept the log key" });
    if (simulation.deployment.release !== undefined) await simulation.perform({ do: "upgrade", turns: ALL_TURNS });
    if (simulation.heartbeats !== null) return this.convergeByHeartbeat();
    await this.converge();
    const { transports, isEvicting } = simulation.deployment;
    if (!simulation.isBroken && isEvicting && !transports.includes("client")) await this.leave();
    if (!simulation.isBroken && simulation.history.isDrifting) await this.drift();
  }

  /**
   * Writes stop, computes work, and all messages arrive. Every watched row must become fresh without another read. The
   * exceptions are rows whose effects were lost, whose recompute died, or whose attempts were used up. Of these, rows
   * that a reader has asked for lately become fresh after the next heartbeat; others after the next write, if it can set
   * their mark again; all of them when a reader asks once more.
   */
  private async converge(): Promise<void> {
    const { simulation } = this;
    await this.endureBacklog();
    if (simulation.isBroken) return;
    simulation.weather.clear();
    await this.calm("calm");
    await this.convergeByClients();
    if (simulation.isBroken) return;
    const excused = new Map<string, "lost" | "died" | "used up">();
    for (const group of this.stale()) {
      if (simulation.paces.isUsedUp(group)) excused.set(group, "used up");
      else if (this.hasLostEffects(group)) excused.set(group, "lost");
      else if (simulation.isBereft(group)) excused.set(group, "died");
      else this.mustSettle(group, "was watched");
    }
    if (simulation.isBroken) return;
    if (excused.size === 0) return this.replay();

    const patienceMs = simulation.deployment.isLimited ? TURN_PATIENCE_MS : PATIENCE_MS;
    await this.calm("the heartbeat's patience passes", patienceMs);
    simulation.start({ do: "beat" });
    await this.calm("the heartbeat");
    simulation.check(() => checkHealth(simulation.backend.store));
    for (const group of this.stale()) {
      const mayWait = excused.get(group) === "used up" || !this.wasAskedFor(group);
      if (!mayWait) this.mustSettle(group, "was asked for lately");
    }
    if (simulation.isBroken) return;

    await this.calm("the grace passes", this.longestGraceMs());
    for (const [i, list] of LISTS.entries()) {
      simulation.start({ do: "add", list, color: COLORS[i] as (typeof COLORS)[number] });
    }
    await this.calm("one more write");
    for (const group of this.stale()) {
      const mayWait = excused.get(group) === "used up" || !this.isReadAgainByWrites(group);
      if (!mayWait) this.mustSettle(group, "was written again");
    }

    await this.askOnceMore();
  }

  private async askOnceMore(): Promise<void> {
    const { simulation } = this;
    const isUsedUp = this.stale().some((group) => simulation.paces.isUsedUp(group));
    const asking = simulation.heartbeats === null ? this.stale() : this.allWatched();
    for (const group of asking) simulation.ask(group);
    // The answer for a missing row may come from the cache: the route accepts its old line together with a canary's.
    simulation.beat();
    await this.calm("readers ask once more", isUsedUp ? LONG_CALM_MS : CALM_MS);
    // A small log may forget their lines while the heartbeat runs.
    const lost = this.stale().filter((group) => simulation.tails?.hasForgotten(simulation.effects.open(group)));
    for (const group of lost) simulation.ask(group);
    if (lost.length > 0) {
      simulation.start({ do: "call the tail" });
      await this.calm("readers ask whose lines were forgotten", isUsedUp ? LONG_CALM_MS : CALM_MS);
    }
    for (const group of this.stale()) this.mustSettle(group, "was asked for again");
  }

  /** All rows are fresh. A stranger replays old deliveries of the log stream, which must start nothing. */
  private async replay(): Promise<void> {
    const { simulation } = this;
    const { store } = simulation.backend;
    if (hasAge(simulation.deployment.guard)) return; // Rows become stale by themselves.
    const captured = [...simulation.captured];
    await this.calm("what was delivered gets old", MAX_EVENT_AGE_MS + 1);
    const rows = [...this.rows().values()];
    if (!rows.every((row) => isClean(store, simulation.deployment, row, store.latest))) return;
    for (const request of captured) {
      void simulation.deliver(request).then(({ status }) => {
        simulation.check(() => must(status === 400, () => `A delivery that was sent again got ${status}.`));
      });
    }
    await this.calm("it is sent again");
  }

  /**
   * The rows that a page is subscribed to become fresh, even when its calls were lost or recomputes died: the page
   * forwards again, within an hour, the effects that its answers still carry.
   */
  private async convergeByClients(): Promise<void> {
    const { simulation } = this;
    const isOnPages = (group: string) => simulation.clients.watched.has(group);
    const waiting = this.stale().filter(isOnPages);
    for (const group of waiting) {
      const hasArrived = simulation.effects.fateOf(group, this.seenOf(group)) === "arrived";
      const mayWait = !hasArrived || simulation.paces.isUsedUp(group) || simulation.isBereft(group);
      if (!mayWait) this.mustSettle(group, "was on a page");
    }
    if (waiting.length === 0 || simulation.isBroken) return;
    await this.calm("pages forward again", CLIENT_CALM_MS);
    for (const group of this.stale().filter(isOnPages)) this.mustSettle(group, "was on a page for an hour");
  }

  /**
   * Writes stop, computes work and jobs live, but half of all effects are still lost. Each heartbeat repairs the rows
   * that readers had asked for in the last hour. The other rows become fresh when effects arrive again, and readers ask
   * once more.
   */
  private async convergeByHeartbeat(): Promise<void> {
    const { simulation } = this;
    if (simulation.weather instanceof LastingFaults) simulation.weather.spareJobs();
    await this.calm("no job dies any more", LAST_BEATS * BEAT_EVERY_MS);
    simulation.checkAges();
    simulation.weather.clear();
    if (!simulation.isBroken) await this.askOnceMore();
  }

  /** An item is written without the library: audits find every row that is fresh and wrong, and have it recomputed. */
  private async drift(): Promise<void> {
    const { simulation } = this;
    const { backend, deployment } = simulation;
    if (hasAge(deployment.guard)) return; // Those rows are not audited: they become right by themselves.
    simulation.hasDrifted = true;
    const item = { list: LISTS[1], color: COLORS[1], n: DRIFTED };
    await Promise.all([backend.mutation("app:addRaw", item), this.calm("a write goes round the library", 0)]);
    for (let beat = 0; beat < AUDITS; beat++) {
      simulation.beat();
      await this.calm("an audit");
    }
    simulation.check(() => checkTruth(backend.store, deployment, backend.store.latest));
  }

  /** All subscriptions end: in a view with `evictAfter` every row is deleted. */
  private async leave(): Promise<void> {
    const { simulation } = this;
    simulation.subscriptions.stop();
    // Sweeps that release 0.1 scheduled are refused: its rows wait for the next sweep of their table, or a heartbeat.
    if (simulation.history.release === "0.1") simulation.beat();
    await this.calm("nobody watches", LONG_CALM_MS);
    const left = [...this.rows().keys()];
    simulation.check(() => must(left.length === 0, () => `Nobody asks for row ${left[0]}, and it is still there.`));
  }

  /**
   * Writes stop, and readers keep asking, while all scheduled functions are still late. Each watched row must become
   * fresh all the same. The exceptions are rows whose recompute died, whose attempts were used up, or that do not exist
   * because their effects were lost.
   */
  private async endureBacklog(): Promise<void> {
    const { simulation } = this;
    const lateMs = simulation.weather.clearAllButBacklog();
    if (lateMs === null) return;
    await simulation.perform({ do: "mend", turns: ALL_TURNS });
    simulation.trace.add(() => "── readers keep asking");
    const patienceMs = LONG_CALM_MS + 20 * lateMs;
    let waiting = this.stale();
    for (let ms = 0; ms < patienceMs && waiting.length > 0; ms += ASK_EVERY_MS) {
      // Reads alone start no tail: a cron does.
      if (simulation.tails !== null && ms % CRON_EVERY_MS === 0) simulation.start({ do: "call the tail" });
      for (const group of waiting) simulation.ask(group);
      await simulation.loop.pass(ASK_EVERY_MS);
      // Fresh once is enough: a row with an age becomes stale again.
      waiting = waiting.filter((group) => !this.isSettled(group));
    }
    for (const group of waiting) {
      // The answer for a missing row stays in the cache, and its line may be too old by now.
      const isCached = this.seenOf(group) === 0n && this.hasLostEffects(group);
      const mayWait = simulation.paces.isUsedUp(group) || simulation.isBereft(group) || isCached;
      if (!mayWait) this.mustSettle(group, "was asked for in a backlog");
    }
  }

  private async calm(what: string, ms = CALM_MS): Promise<void> {
    const { simulation } = this;
    await simulation.perform({ do: "mend", turns: ALL_TURNS });
    simulation.trace.add(() => `── ${what}`);
    await simulation.loop.pass(ms);
    simulation.check(() => must(simulation.loop.running === 0, () => "A function never ends."));
    simulation.check(() => simulation.tails?.checkCalm(simulation.effects.open()));
  }

  /** The watched groups whose rows are not as fresh as they must be. */
  private stale(): string[] {
    return this.allWatched().filter((group) => !this.isSettled(group));
  }

  private allWatched(): string[] {
    return [...new Set([...this.simulation.watched, ...this.simulation.clients.watched])];
  }

  private rows() {
    const { store } = this.simulation.backend;
    return rowsOf(store, store.latest);
  }

  private isSettled(group: string): boolean {
    const { backend, deployment, loop } = this.simulation;
    const row = this.rows().get(group);
    if (row === undefined) return this.hasJustGone(group);
    if (isClean(backend.store, deployment, row, backend.store.latest)) return true;
    // A row with an age is stale for a while after each period.
    return this.hasAgedOut(group) && loop.now - row.computedAt < 2 * WINDOW_MS + 60_000;
  }

  /**
   * Whether a page's row was deleted just now, and the page has yet to ask for it again: a page forwards after up to
   * twelve times the duration of a call, which may be longer than an idle row stays.
   */
  private hasJustGone(group: string): boolean {
    const { clients, backend, deployment, loop } = this.simulation;
    if (!deployment.isEvicting || !clients.watched.has(group)) return false;
    const isOfRow = ({ table, before, after }: Change) =>
      table === "groups" && asRow((after ?? before) as Document).args.group === group;
    const last = backend.store.commits.findLast(({ changes }) => changes.some(isOfRow));
    return last !== undefined && loop.now - last.committedAt < LATEST_FORWARD_MS;
  }

  private hasAgedOut(group: string): boolean {
    const row = this.rows().get(group);
    return hasAge(this.simulation.deployment.guard) && row !== undefined && isOld(row) && row.dirtyAt === undefined;
  }

  /**
   * Whether a write to a group's items makes its readers run again, however long the row has been out of date. It does
   * not when there is no row, when only an age makes the row stale, or when readers do not look at the tags because the
   * row is out of date without them.
   */
  private isReadAgainByWrites(group: string): boolean {
    const row = this.rows().get(group);
    const { guard, version } = this.simulation.deployment;
    if (row === undefined || guard === "aged" || this.hasAgedOut(group)) return false;
    const isOther = isUnknown(this.simulation.deployment, row);
    // Writes do not find a row that was committed before its view was tracked.
    if (isOther && row.tracked === undefined) return false;
    if (row.tracked?.shared && (isOther || row.dirtyAt !== undefined)) return false;
    return guard !== "tags" || (row.version === version && row.dirtyAt === undefined && row.seq === undefined);
  }

  /** Longer than the grace of any row. The grace doubles with each mark. */
  private longestGraceMs(): number {
    const marked = [...this.rows().values()].map(({ dirtyAt = 0, nudgedAt = dirtyAt }) => nudgedAt - dirtyAt);
    return Math.max(...marked, 0) + GRACE_MS;
  }

  /** Whether the heartbeat looks at the group's row: it exists, and a reader has asked for it lately. */
  private wasAskedFor(group: string): boolean {
    const askedAt = this.rows().get(group)?.askedAt ?? 0;
    return this.simulation.loop.now - askedAt < LATELY_MS;
  }

  private hasLostEffects(group: string): boolean {
    return this.simulation.effects.fateOf(group, this.seenOf(group)) === "lost";
  }

  private seenOf(group: string): bigint {
    return this.rows().get(group)?.asOf ?? 0n;
  }

  /** Reports a violation: the group is stale, but must be fresh by now. */
  private mustSettle(group: string, after: string): void {
    this.simulation.check(() => {
      const seen = this.seenOf(group);
      const fate = this.simulation.effects.fateOf(group, seen);
      const isStale = `Group ${group} ${after}, and its row (as of ${seen}) is still not fresh.`;
      throw new Violation(`${isStale} Effects that asked for it: ${fate}.`);
    });
  }
}
