import type { Turns } from "../../tests/simulation/engine/loop";

/** Durations of steps, in ms: round numbers of the same order as Convex's. */
const BEGIN_MS = 2;
const COMMIT_MS = 4;
const CALL_MS: Record<string, number> = {
  "1.0/get": 1,
  "1.0/queryPage": 1,
  "1.0/runUdf": 0.5,
  "1.0/actions/query": 1,
  "1.0/actions/mutation": 1,
  "1.0/actions/action": 1,
};
/** Each document that a query streams, and every other call. */
const SMALL_CALL_MS = 0.1;

interface Timer {
  at: number;
  fire: () => void;
}

/** Captured here, before fake timers could replace it. */
const { nextTick } = process;

/** Virtual time in which transactions have a duration: each step takes time, and many transactions run at once. */
export class Clockwork implements Turns {
  private timers: Timer[] = [];
  private nextExecution = 1;
  /** Time spent in small calls since the last step, by execution. */
  private readonly spent = new Map<number, number>();

  /** @param now - The time, in ms since 1970. */
  constructor(public now: number) {}

  async execute<T>(work: (execution: number) => Promise<T>): Promise<T> {
    const execution = this.nextExecution++;
    try {
      return await work(execution);
    } finally {
      this.spent.delete(execution);
    }
  }

  turn(execution: number, why: string): Promise<void> {
    const spent = this.spent.get(execution) ?? 0;
    const step = why === "begin" ? BEGIN_MS : why === "commit" ? COMMIT_MS : CALL_MS[why];
    if (step === undefined) {
      this.spent.set(execution, spent + SMALL_CALL_MS);
      return Promise.resolve();
    }
    this.spent.delete(execution);
    return new Promise((goOn) => this.at(this.now + spent + step, goOn));
  }

  at(time: number, fire: () => void): void {
    const timer = { at: Math.max(time, this.now), fire };
    let low = 0;
    let high = this.timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.timers[middle] as Timer).at > timer.at) high = middle;
      else low = middle + 1;
    }
    this.timers.splice(low, 0, timer);
  }

  /** Advances to a time, in ms since 1970, and fires every timer that falls due. */
  async passTo(time: number): Promise<void> {
    await drained();
    for (let next = this.timers[0]; next !== undefined && next.at <= time; next = this.timers[0]) {
      this.timers.shift();
      this.now = next.at;
      next.fire();
      await drained();
    }
    this.now = time;
  }

  /** Advances until `work` has ended. */
  async passUntil<T>(work: Promise<T>): Promise<T> {
    let hasEnded = false;
    const end = () => {
      hasEnded = true;
    };
    work.then(end, end);
    while (!hasEnded) await this.passTo(this.now + 100);
    return await work;
  }
}

/** Resolves when no microtask is left. */
function drained(): Promise<void> {
  return new Promise((resolve) => nextTick(resolve));
}
