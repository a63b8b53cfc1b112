import type { Choices } from "./choices.js";

/** Something that waits for its turn to go on. */
interface Turn {
  /** The execution that it is part of. */
  execution: number;
  goOn: () => void;
}

/** Where executions wait for their turns, and what falls due waits for its time. */
export interface Turns {
  /** In ms since 1970. */
  readonly now: number;
  /** Runs something whose turns belong together, as one execution. */
  execute<T>(work: (execution: number) => Promise<T>): Promise<T>;
  /**
   * Resolves when the execution may go on.
   *
   * @param why - What it waits to do: to begin, to commit, or a system call.
   */
  turn(execution: number, why: string): Promise<void>;
  /** Calls `fire` at a time, in ms since 1970. */
  at(time: number, fire: () => void): void;
  /** An execution waits for something outside, so that any time may pass it, until it goes on. */
  suspend?(execution: number): void;
  resume?(execution: number): void;
}

interface Timer {
  at: number;
  order: number;
  fire: () => void;
}

/** Time may pass a running transaction by no more than this, in ms. */
const MAX_TRANSACTION_MS = 3_000;

/** More than any history needs that comes to rest. */
const MAX_ACTIONS = 200_000;

/** Captured here, before a test's fake timers could replace it. */
const { nextTick } = process;

/**
 * Virtual time, and the one place where it is decided who goes on: executions wait here at each system call, and one
 * of them runs at a time, up to its next call or its end. Between two turns everything is microtasks, so a turn is
 * over when there are none left.
 */
export class Loop implements Turns {
  private readonly turns: Turn[] = [];
  private readonly timers: Timer[] = [];
  private readonly begun = new Map<number, number>();
  private readonly suspended = new Set<number>();
  private lastExecution = -1;
  private nextExecution = 1;
  private timersMade = 0;
  private actions = 0;

  /**
   * @param now - The time, in ms since 1970.
   * @param plain - The share of turns that go to the execution that had the last one.
   */
  constructor(
    private readonly choices: Choices,
    public now: number,
    private readonly plain: number,
  ) {}

  /** Executions that have not ended, and do not wait for something outside. */
  get running(): number {
    return this.begun.size;
  }

  /** Ms until something falls due; 0 when nothing does. */
  get untilNext(): number {
    return (this.timers[0]?.at ?? this.now) - this.now;
  }

  /** Runs something whose turns belong together, as one execution. */
  async execute<T>(work: (execution: number) => Promise<T>): Promise<T> {
    const execution = this.nextExecution++;
    this.begun.set(execution, this.now);
    try {
      return await work(execution);
    } finally {
      this.begun.delete(execution);
      this.suspended.delete(execution);
    }
  }

  suspend(execution: number): void {
    if (this.begun.delete(execution)) this.suspended.add(execution);
  }

  resume(execution: number): void {
    if (this.suspended.delete(execution)) this.begun.set(execution, this.now);
  }

  /** Resolves when the execution may go on. */
  turn(execution: number): Promise<void> {
    return new Promise((goOn) => this.turns.push({ execution, goOn }));
  }

  /** Calls `fire` at a time, in ms since 1970. */
  at(time: number, fire: () => void): void {
    const timer = { at: Math.max(time, this.now), order: this.timersMade++, fire };
    const after = this.timers.findIndex((other) => other.at > timer.at);
    this.timers.splice(after === -1 ? this.timers.length : after, 0, timer);
  }

  /** Takes turns, at most so many, until nothing is left to do now. */
  async run(turns: number): Promise<void> {
    await drained();
    for (let i = 0; i < turns; i++) if (!(await this.act(this.now))) break;
  }

  /** Lets time pass, in ms, until nothing is left to do by then. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    await drained();
    while (await this.act(until));
    this.now = until;
  }

  /** Lets time pass, in ms, up to what falls due last: what that sets off is still to do. */
  async passUpTo(ms: number): Promise<void> {
    const until = this.now + ms;
    await drained();
    const isDue = () => (this.timers[0]?.at ?? Number.POSITIVE_INFINITY) <= until;
    while (isDue() || !this.mayPass(until)) await this.act(until);
    this.now = until;
  }

  /**
   * @returns Whether there was something to do by then.
   * @throws Error when there always is.
   */
  private async act(until: number): Promise<boolean> {
    if (++this.actions > MAX_ACTIONS) throw new Error(`No rest after ${MAX_ACTIONS} turns.`);
    const [next] = this.timers;
    if (this.turns.length > 0) await this.step(until);
    else if (next !== undefined && next.at <= until) await this.fire(next);
    else return false;
    return true;
  }

  /** One turn, or a timer that overtakes those who wait. */
  private async step(until: number): Promise<void> {
    const [timer] = this.timers;
    const mayOvertake = timer !== undefined && timer.at <= until && this.mayPass(timer.at);
    const first = Math.max(
      this.turns.findIndex(({ execution }) => execution === this.lastExecution),
      0,
    );
    const picked = this.choices.pick(this.turns.length + (mayOvertake ? 1 : 0), this.plain);
    if (timer !== undefined && picked === this.turns.length) {
      await this.fire(timer);
      return;
    }
    const [turn] = this.turns.splice((first + picked) % this.turns.length, 1) as [Turn];
    this.lastExecution = turn.execution;
    turn.goOn();
    await drained();
  }

  private mayPass(time: number): boolean {
    for (const begun of this.begun.values()) if (time - begun > MAX_TRANSACTION_MS) return false;
    return true;
  }

  private async fire(timer: Timer): Promise<void> {
    this.timers.splice(this.timers.indexOf(timer), 1);
    this.now = Math.max(this.now, timer.at);
    timer.fire();
    await drained();
  }
}

/** Resolves when no microtask is left. */
function drained(): Promise<void> {
  return new Promise((resolve) => nextTick(resolve));
}
