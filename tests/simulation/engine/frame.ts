import { ConvexError, type JSONValue } from "convex/values";
import { type LogLevel, type LogLine, logLine } from "../../../examples/backend/console";
import type { Host, SimulatedResponse } from "./isolate.js";
import type { Stream, Transaction } from "./transaction.js";

export type Kind = "query" | "mutation" | "action";

/** What a frame needs from its backend. */
export interface Services<Deployment> {
  now(): number;
  random(): number;
  environment(): Record<string, string | undefined>;
  /** Resolves when the execution may go on. */
  turn(execution: number, why: string): Promise<void>;
  syscall(frame: Frame<Deployment>, op: string, args: Arguments): JSONValue;
  /** @returns JSON as text. */
  asyncSyscall(frame: Frame<Deployment>, op: string, args: Arguments): string | Promise<string>;
  /** Answers a request of an action. */
  fetchForAction(frame: Frame<Deployment>, url: string, init?: RequestInit): Promise<SimulatedResponse>;
  /** Calls `fire` after a time, in ms. */
  after(ms: number, fire: () => void): void;
  /** The action waits only for time, or for an answer from outside. */
  suspend(execution: number): void;
  resume(execution: number): void;
}

/** The arguments of a system call, as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: every call has its own; each is read where it is answered.
export type Arguments = any;

/** One running function: its system calls and requests, and the console lines that it writes. */
export class Frame<Deployment = unknown> implements Host {
  readonly lines: LogLine[];
  /** Queries that it iterates. */
  readonly streams: Stream[] = [];
  /** Whether its code has read the clock, or drawn a random number. */
  readClock = false;
  isDead = false;
  private lastCall: Promise<unknown> = Promise.resolve();
  private openCalls = 0;
  private openFetches = 0;
  private openTurns = 0;
  private readonly timers = new Set<number>();
  private timersMade = 0;
  private hasEnded = false;
  private callsLeft = Number.POSITIVE_INFINITY;
  private reject: (error: Error) => void = () => {};

  /**
   * @param execution - Its number in the loop.
   * @param transaction - None in actions.
   * @param caller - The frame whose transaction this one is part of.
   */
  constructor(
    private readonly services: Services<Deployment>,
    /** The code that it runs. */
    readonly deployment: Deployment,
    readonly execution: number,
    readonly kind: Kind,
    readonly path: string,
    readonly transaction: Transaction | null,
    caller?: Frame<Deployment>,
  ) {
    this.lines = caller?.lines ?? [];
  }

  /**
   * Ends the function: its open calls are not answered.
   *
   * @returns Whether all calls had been answered, so that no code of the function is left waiting.
   */
  end(): boolean {
    // Convex writes a line about requests that the function has not waited for.
    if (!this.hasEnded && this.openFetches > 0) this.log("WARN", [`${this.openFetches} unawaited operation: [fetch]`]);
    this.hasEnded = true;
    return this.openCalls + this.openFetches + this.timers.size === 0;
  }

  /** Makes the function die at its system call or request after `calls` others. That call is not made. */
  dieAfter(calls: number): Promise<never> {
    this.callsLeft = calls;
    return this.death();
  }

  /** Rejects when the function dies. */
  death(): Promise<never> {
    return new Promise((_, reject) => {
      this.reject = reject;
    });
  }

  /** Ends the function where it is. */
  die(why = `${this.path} died.`): void {
    this.hasEnded = true;
    this.isDead = true;
    this.reject(new Error(why));
  }

  /** In a transaction time stands still. */
  now(): number {
    this.readClock = true;
    return this.transaction?.now ?? this.services.now();
  }

  random(): number {
    this.readClock = true;
    return this.services.random();
  }

  environment(): Record<string, string | undefined> {
    return this.services.environment();
  }

  log(level: LogLevel, args: readonly unknown[]): void {
    const timestamp = this.transaction?.now ?? this.services.now();
    this.lines.push({ ...logLine(level, args, this.path), timestamp });
  }

  syscall(op: string, args: string): string {
    return JSON.stringify(this.services.syscall(this, op, JSON.parse(args)));
  }

  /** As in Convex, the calls of a function in a transaction are answered one after the other. */
  asyncSyscall(op: string, args: string): Promise<string> {
    const answer = async () => {
      await this.mayGoOn(op);
      try {
        return await this.services.asyncSyscall(this, op, JSON.parse(args));
      } finally {
        this.openCalls--;
        this.rest();
      }
    };
    this.openCalls++;
    if (this.transaction === null) return answer();
    const call = this.lastCall.then(answer, answer);
    this.lastCall = call;
    return call;
  }

  /** Only actions may send requests. Time passes while they wait. */
  async fetch(url: string, init?: RequestInit): Promise<SimulatedResponse> {
    this.mustBeAction("fetch");
    this.openFetches++;
    await this.mayGoOn("fetch");
    const response = this.services.fetchForAction(this, url, init);
    this.rest();
    await Promise.allSettled([response]);
    await this.mayGoOn("answer");
    this.openFetches--;
    this.rest();
    return response;
  }

  setTimeout(fire: () => void, ms: number): number {
    this.mustBeAction("setTimeout");
    const timer = ++this.timersMade;
    this.timers.add(timer);
    this.services.after(ms, async () => {
      if (!this.timers.has(timer)) return;
      await this.mayGoOn("timer");
      if (this.timers.delete(timer)) fire();
      this.rest();
    });
    this.rest();
    return timer;
  }

  clearTimeout(timer: number): void {
    this.timers.delete(timer);
  }

  /** Waits for the function's turn. Never resolves when the function has ended, or dies here. */
  private async mayGoOn(why: string): Promise<void> {
    if (this.hasEnded) await new Promise<never>(() => {});
    this.openTurns++;
    this.services.resume(this.execution);
    await this.services.turn(this.execution, why);
    this.openTurns--;
    const isCall = why !== "answer" && why !== "timer";
    if (isCall && this.callsLeft-- === 0) this.die();
    if (this.hasEnded || this.callsLeft < 0) await new Promise<never>(() => {});
  }

  /** Suspends an action that has no open system call and waits for no turn: it waits for time, or an answer. */
  private rest(): void {
    const isWaiting = this.openTurns + this.openCalls === 0 && this.openFetches + this.timers.size > 0;
    if (isWaiting) this.services.suspend(this.execution);
  }

  private mustBeAction(what: string): void {
    if (this.kind !== "action") throw new Error(`${this.path} is no action, and called ${what}.`);
  }
}

/** An error as a system call hands it to the function that made the call. */
export function callError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return new Error(String(thrown));
  const { data } = thrown as Error & { data?: string };
  if (data === undefined || !(Symbol.for("ConvexError") in thrown)) return new Error(thrown.message);
  return Object.assign(new ConvexError(thrown.message), { data: JSON.parse(data) });
}
