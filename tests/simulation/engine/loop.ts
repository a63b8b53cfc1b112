import type { Choices } from "./choices.js";

/** An execution that waits for its turn. */
interface Turn {
  /** The execution that it is part of. */
  execution: number;
  goOn: () => void;
}

/** The queue of executions that wait for their turns, and of timers. */
export interface Turns {
  /** In ms since 1970. */
  readonly now: number;
  /** Runs `work` as one execution. */
  execute<T>(work: (execution: number) => Promise<T>): Promise<T>;
  /**
   * Resolves when the execution may go on.
   *
   * @param why - What it will do then: begin, commit, or a system call.
   */
  turn(execution: number, why: string): Promise<void>;
  /** Calls `fire` at a time, in ms since 1970. */
  at(time: number, fire: () => void): void;
  /** The execution waits for something outside: any time may pass until it goes on. */
  suspend?(execution: number): void;
  resume?(execution: number): void;
}

interface Timer {
  at: number;
  order: number;
  fire: () => void;
}

/** The most time that passes during a transaction, in ms. */
const MAX_TRANSACTION_MS = 3_000;

/** More than any history needs that comes to an end. */
const MAX_ACTIONS = 200_000;

/** Captured here, before a test's fake timers could replace it. */
const { nextTick } = process;

/**
 * Virtual time, and the one place that decides which execution goes on. Executions wait here at each system call. One
 * of them runs at a time, up to its next call or its end. It runs in microtasks only, so its turn is over when no
 * microtask is left.
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
   * @param plain - The share of turns that go to the execution that had the last turn.
   */
  constructor(
    private readonly choices: Choices,
    public now: number,
    private readonly plain: number,
  ) {}

  /** The number of executions that have not ended, and do not wait for something outside. */
  get running(): number {
    return this.begun.size;
  }

  /** Ms until the next timer; 0 without one. */
  get untilNext(): number {
    return (this.timers[0]?.at ?? this.now) - this.now;
  }

  /** Runs `work` as one execution. */
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

  /** Takes at most so many turns, until nothing is left to do now. */
  async run(turns: number): Promise<void> {
    await drained();
    for (let i = 0; i < turns; i++) if (!(await this.act(this.now))) break;
  }

  /** Lets so many ms pass, and does all that is due by then. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    await drained();
    while (await this.act(until));
    this.now = until;
  }

  /** Lets so many ms pass, up to the last timer in them: the work that this timer starts is left to do. */
  async passUpTo(ms: number): Promise<void> {
    const until = this.now + ms;
    await drained();
    const isDue = () => (this.timers[0]?.at ?? Number.POSITIVE_INFINITY) <= until;
    while (isDue() || !this.mayPass(until)) await this.act(until);
    this.now = until;
  }

  /**
   * @returns Whether there was something to do by then.
   * @throws Error when the work does not end.
   */
  private async act(until: number): Promise<boolean> {
    if (++this.actions > MAX_ACTIONS) throw new Error(`No rest after ${MAX_ACTIONS} turns.`);
    const [next] = this.timers;
    if (this.turns.length > 0) await this.step(until);
    else if (next !== undefined && next.at <= until) await this.fire(next);
    else return false;
    return true;
  }

  /** Takes one turn, or fires a timer that overtakes the waiting executions. */
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
