import { getFunctionAddress, type Scheduler } from "convex/server";
import { convexToJson, type JSONValue, type Value } from "convex/values";
import type { Activity } from "./activity";
import { type FunctionLocation, locate } from "./components";
import { type Entry, frames, newRequestId } from "./execution";
import { type Callback, guard } from "./faults";

type JobTarget = Parameters<Scheduler["runAfter"]>[1];

/** A job that failed before its function started. */
export interface FailedJob {
  entry: Entry;
  target: FunctionLocation;
  args: JSONValue;
  error: unknown;
}

/**
 * The timers of scheduled functions. convex-test itself runs these functions. This class makes
 * each one a request of its own, separate from the function that scheduled it; it knows which
 * are due, and clears the timers that are left when the backend closes.
 */
export class Jobs {
  private readonly dueAt = new Map<NodeJS.Timeout, number>();
  private closed = false;
  private draining = false;

  /**
   * @param runToEnd waits for all the jobs that convex-test is running.
   * @param onFailure called for each job whose function could not start.
   */
  constructor(
    private readonly activity: Activity,
    private readonly runToEnd: () => Promise<void>,
    private readonly onFailure: (job: FailedJob) => void,
  ) {
    followTimers();
  }

  /** Whether some job is due and has not started. */
  get due(): boolean {
    const now = Date.now();
    for (const time of this.dueAt.values()) if (time <= now) return true;
    return false;
  }

  /** Wraps the `ctx.scheduler` of a component's functions, so that this class knows their jobs. */
  wrap(scheduler: Scheduler, component: string): Scheduler {
    const find = (target: JobTarget) => locate(component, getFunctionAddress(target));
    return {
      runAfter: (delay, target, ...args) =>
        this.schedule(find(target), args[0], Date.now() + delay, () => scheduler.runAfter(delay, target, ...args)),
      runAt: (time, target, ...args) =>
        this.schedule(find(target), args[0], Number(time), () => scheduler.runAt(time, target, ...args)),
      cancel: async (id) => {
        // convex-test rejects a job that was canceled while it ran. In Convex, it just stays canceled.
        this.runToEnd().catch(() => {});
        await scheduler.cancel(id);
      },
    };
  }

  /** Drops the jobs that are not due yet. */
  close(): void {
    this.closed = true;
    for (const timer of this.dueAt.keys()) clearTimeout(timer);
    this.dueAt.clear();
  }

  private schedule<T>(target: FunctionLocation, args: unknown, dueAt: number, schedule: () => Promise<T>): Promise<T> {
    const entry: Entry = {
      kind: "entry",
      caller: "scheduler",
      identityType: "unknown",
      requestId: newRequestId(),
      execution: null,
      awaited: false,
    };
    entry.job = {
      onTimer: (start) => this.adopt(start, dueAt),
      onFailure: (error) => {
        if (entry.execution !== null) return;
        this.onFailure({ entry, target, args: convexToJson((args ?? {}) as Value), error });
      },
    };
    return frames.run(entry, schedule);
  }

  private adopt(start: (onFire: () => void) => NodeJS.Timeout, dueAt: number): NodeJS.Timeout {
    const timer = start(() => {
      this.dueAt.delete(timer);
      this.drain();
    });
    if (this.closed) clearTimeout(timer);
    else this.dueAt.set(timer, dueAt);
    return timer;
  }

  /** Counts as busy until no job runs. One wait covers all the jobs that are running. */
  private drain(): void {
    if (this.draining) return;
    this.draining = true;
    const end = this.activity.begin();
    const wait = (): Promise<void> => this.runToEnd().catch(wait);
    void wait().finally(() => {
      this.draining = false;
      end();
    });
  }
}

let installed: typeof setTimeout | undefined;

/**
 * Replaces the global `setTimeout`, so that jobs see the timers that convex-test sets for them.
 * A function fails when one of its own timers throws, and timers of interrupted actions do not
 * go off. Other timers are unchanged.
 */
function followTimers(): void {
  if (globalThis.setTimeout === installed) return;
  const outer = globalThis.setTimeout;
  const follow = (callback: Callback, ms?: number, ...args: unknown[]) => {
    const frame = frames.getStore();
    if (frame?.kind === "execution") {
      return outer(
        guard(() => (frame.interrupted ? undefined : callback(...args))),
        ms,
      );
    }
    const job = frame?.job;
    if (job === undefined) return outer(callback, ms, ...args);
    return job.onTimer((onFire) =>
      outer(() => {
        callback(...args);
        onFire();
      }, ms),
    );
  };
  installed = Object.defineProperties(follow, Object.getOwnPropertyDescriptors(outer)) as unknown as typeof setTimeout;
  globalThis.setTimeout = installed;
}
