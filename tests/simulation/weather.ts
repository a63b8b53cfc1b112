import type { Weather } from "./engine/backend.js";
import type { Choices } from "./engine/choices.js";
import type { RequestFate } from "./engine/functionLog.js";
import type { Job } from "./engine/syscalls.js";

/** In each list of choices the first one is without a fault. */
const LAGS_MS = [0, 300, 4_000, 9_000, 15_000];
/** How late all scheduled functions of a history are: its backlog. Most histories have none, and each job its own lag. */
const BACKLOGS_MS = [null, 10_500, 14_000, 18_000];
export const OLDEST_SNAPSHOT_MS = 5_000;
const SNAPSHOT_AGES_MS = [0, 10, 1_000, OLDEST_SNAPSHOT_MS];
/** The system calls that an action makes before it dies; for a tail, requests count too. */
const DEATHS = [null, 0, 1];
const TAIL_DEATHS = [null, 0, 1, 2, 2, 3, 3, 4, 6, 10];
/** How many calls of a tail fail in a row. */
const FAILING_CALLS = [0, 1, 2, 2, 3, 5];
/** The fates of requests for the log. Few fail, as there are many requests. */
const REQUEST_FATES: readonly RequestFate[] = [0, 300, 5_000, "fails", "error", "other"];
/** How long after a restart Convex finds that an action has died. */
const RESTART_LAGS_MS = [0, 4_000, 30_000];
/** How late each copy of a delivery is; a lost one has no copy. After the longest the route refuses it as a replay. */
const FATES_MS = [[0], [0, 0], [], [2_500], [0, 12_000], [61_000], [16 * 60_000]];
/** The last two arrive when the client has given up waiting. */
const FORWARD_FATES_MS = [[0], [], [2_500], [0, 12_000], [61_000], [61 * 60_000]];

/** The faults that a history chooses, until `clear`. */
export class ChosenWeather implements Weather {
  /** The longest that a scheduled function has been late, in ms. */
  worstLagMs = 0;
  protected isClear = false;
  private backlogMs: number | null;
  private failingCalls = 0;
  /** Called for each call of a tail that fails. */
  onFailedCall = (): void => {};

  /** @param living - The share of scheduled recomputes that surely live. */
  constructor(
    protected readonly choices: Choices,
    private readonly living: number,
  ) {
    this.backlogMs = BACKLOGS_MS[choices.pick(BACKLOGS_MS.length, 0.7)] as number | null;
  }

  /** Ends all faults except the backlog. Returns how late the backlog makes jobs, in ms; null without one. */
  clearAllButBacklog(): number | null {
    this.isClear = true;
    return this.backlogMs;
  }

  /** From now on everything is on time. */
  clear(): void {
    this.isClear = true;
    this.backlogMs = null;
  }

  schedulerLag(): number {
    const lag = this.backlogMs ?? this.choose(LAGS_MS, 0.7);
    this.worstLagMs = Math.max(this.worstLagMs, lag);
    return lag;
  }

  snapshotAge(): number {
    return this.choose(SNAPSHOT_AGES_MS, 0.5);
  }

  actionDeath(path: string): number | null {
    return path === "lazy:tail" ? this.choose(TAIL_DEATHS, 0.85) : this.choose(DEATHS, 0.7);
  }

  callFails(caller: string): boolean {
    if (caller !== "lazy:tail" || this.isClear) return false;
    if (this.failingCalls === 0) this.failingCalls = this.choose(FAILING_CALLS, 0.98);
    else this.failingCalls--;
    const fails = this.failingCalls > 0;
    if (fails) this.onFailedCall();
    return fails;
  }

  restartLag(): number {
    return this.choose(RESTART_LAGS_MS, 0.3);
  }

  requestFate(): RequestFate {
    return this.choose(REQUEST_FATES, 0.97);
  }

  /** A retry after a conflict starts at once: the choice of turns delays it already. */
  conflictRest(): number {
    return 0;
  }

  /** Whether a scheduled mutation dies: only recomputes, and the jobs that start a tail, may. */
  jobDeath(path: string, [args]: Job["args"]): boolean {
    if (path === "lazy:recompute") return this.choose([false, true], this.living);
    const { job } = args as { job?: { kind?: string } };
    return path === "lazy:sweep" && job?.kind === "tail" && this.choose([false, true], 0.9);
  }

  fate(): readonly number[] {
    return this.choose(FATES_MS, 0.7);
  }

  /** How late each copy of a client's forwarding call is, as for a delivery. */
  forwardFate(): readonly number[] {
    return this.choose(FORWARD_FATES_MS, 0.7);
  }

  /** Whether an effect never arrives, however often it is sent. */
  isLost(_text: string): boolean {
    return false;
  }

  protected choose<T>(from: readonly T[], plain: number): T {
    return from[this.isClear ? 0 : this.choices.pick(from.length, plain)] as T;
  }
}
