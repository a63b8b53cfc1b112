import { ConvexError, type JSONValue } from "convex/values";
import { type LogLevel, type LogLine, logLine } from "../../../examples/backend/console";
import type { Host } from "./isolate.js";
import type { Stream, Transaction } from "./transaction.js";

export type Kind = "query" | "mutation" | "action";

/** What a frame asks of the backend that it runs on. */
export interface Services<Deployment> {
  now(): number;
  random(): number;
  environment(): Record<string, string | undefined>;
  /** Resolves when the execution may go on. */
  turn(execution: number, why: string): Promise<void>;
  syscall(frame: Frame<Deployment>, op: string, args: Arguments): JSONValue;
  /** @returns JSON as text. */
  asyncSyscall(frame: Frame<Deployment>, op: string, args: Arguments): string | Promise<string>;
}

/** The arguments of a system call, as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: every call has its own; each is read where it is answered.
export type Arguments = any;

/** One running function: what its code asks of the outside, and the console lines that it writes. */
export class Frame<Deployment = unknown> implements Host {
  readonly lines: LogLine[];
  /** Queries that it iterates. */
  readonly streams: Stream[] = [];
  /** Whether its code has looked at the clock, or drawn a random number. */
  readClock = false;
  private lastCall: Promise<unknown> = Promise.resolve();
  private openCalls = 0;
  private hasEnded = false;
  private callsLeft = Number.POSITIVE_INFINITY;
  private die: (error: Error) => void = () => {};

  /**
   * @param execution - That of the loop.
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
   * Ends the function: none of its calls is answered any more.
   *
   * @returns Whether all had been answered, so that nothing of it is left.
   */
  end(): boolean {
    this.hasEnded = true;
    return this.openCalls === 0;
  }

  /** Makes the function die at a system call: it is not made, and nothing of the function goes on. */
  dieAfter(calls: number): Promise<never> {
    this.callsLeft = calls;
    return new Promise((_, reject) => {
      this.die = reject;
    });
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
      await this.services.turn(this.execution, op);
      if (this.callsLeft-- === 0) this.die(new Error(`${this.path} died.`));
      if (this.hasEnded || this.callsLeft < 0) return await new Promise<never>(() => {});
      try {
        return await this.services.asyncSyscall(this, op, JSON.parse(args));
      } finally {
        this.openCalls--;
      }
    };
    this.openCalls++;
    if (this.transaction === null) return answer();
    const call = this.lastCall.then(answer, answer);
    this.lastCall = call;
    return call;
  }
}

/** An error as a system call hands it to the function that made the call. */
export function callError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return new Error(String(thrown));
  const { data } = thrown as Error & { data?: string };
  if (data === undefined || !(Symbol.for("ConvexError") in thrown)) return new Error(thrown.message);
  return Object.assign(new ConvexError(thrown.message), { data: JSON.parse(data) });
}
