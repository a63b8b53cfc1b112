import type { TransactionLimits } from "convex/server";
import { convexToJson, type JSONValue, jsonToConvex } from "convex/values";
import type { LogLine } from "../../../examples/backend/console";
import type { Change, ReadSet } from "../../../examples/backend/readSet";
import { type Arguments, callError, Frame, type Kind, type Services } from "./frame.js";
import { type Deployed, Isolate, type Registered, type SimulatedRequest, type SimulatedResponse } from "./isolate.js";
import type { Turns } from "./loop.js";
import type { Program } from "./program.js";
import { type Commit, Store } from "./store.js";
import { addressed, answer, answerSync, functionHandle, JOBS, type Job, schedule } from "./syscalls.js";
import { CODE, type Conflict, Transaction } from "./transaction.js";
import type { Usage } from "./usage.js";
import { misfit } from "./validators.js";

/** How a transaction of a function ended. */
export interface Ended<Deployment> {
  path: string;
  args: JSONValue;
  /** The code that it ran. */
  deployment: Deployment;
  result: { value: JSONValue } | { error: Error };
  lines: readonly LogLine[];
  /** The number of the last commit that it saw. */
  snapshot: number;
  /** When it began, in ms since 1970. */
  begunAt: number;
  /** How often it was run again after a conflict. */
  retries: number;
  /** Its writes; null for none. */
  commit: Commit | null;
  /** For a scheduled function: its job. */
  job: Job | null;
  /** Whether its code has read the clock, or drawn a random number. */
  readClock: boolean;
  usage: Usage;
  reads: ReadSet;
}

/** Called for the events of a backend. */
export interface Observer<Deployment> {
  onCommit(commit: Commit): void;
  onEnd(kind: Kind, ended: Ended<Deployment>): void;
  /** @param usage - What the attempt used of the limits, before the conflict. The function is run again. */
  onConflict(path: string, args: JSONValue, change: Change, usage: Usage, lines: readonly LogLine[]): void;
  /** A scheduled mutation has died. */
  onJobDeath?(job: Job): void;
  /** A scheduled action may have died. */
  onActionDeath?(job: Job): void;
  /** An action, or HTTP action, has begun. */
  onAction?(path: string, args?: JSONValue): void;
  /** An action has ended, or died. */
  onActionEnd?(action: Caller, args: JSONValue): void;
  /** A query that a mutation ran in a stale snapshot has ended. */
  onSnapshotQuery?(ended: Ended<Deployment>): void;
}

/** Runs a query for an action, or serves it from the query cache. */
export type RunQuery<Deployment> = (path: string, args: JSONValue) => Promise<Ended<Deployment>>;

/** An action, which may have died since. */
export interface Caller {
  readonly path: string;
  readonly lines: readonly LogLine[];
  readonly isDead: boolean;
}

/** Answers a request of an action. */
export type AnswerOutside = (url: string, init: RequestInit | undefined, caller: Caller) => Promise<SimulatedResponse>;

/** Delays and failures that the simulation can choose. */
export interface Weather {
  /** How late a scheduled function starts, in ms. */
  schedulerLag(): number;
  /** The age of a snapshot for `useStaleSnapshot`, in ms before its transaction's own snapshot. */
  snapshotAge(): number;
  /** The system calls that a scheduled action makes before it dies; null when it lives. */
  actionDeath(path: string): number | null;
  /** Whether a scheduled mutation dies: it does nothing, and is not run again. Default: none does. */
  jobDeath?(path: string, args: Job["args"]): boolean;
  /** Whether an action's call of a mutation fails, since Convex is overloaded. Default: none does. */
  callFails?(caller: string): boolean;
  /** How long after a restart Convex finds that a scheduled action has died, in ms. Default: 0. */
  restartLag?(): number;
  /** How long a transaction waits after so many conflicts in a row, in ms. */
  conflictRest(conflicts: number, isJob: boolean): number;
}

/** Convex gives up a mutation that a caller waits for after so many conflicts. */
const MAX_RETRIES = 4;
/** The error of an action that a restart of the deployment ends. */
const RESTARTED = "The deployment has restarted.";
/** A scheduled function is retried after so many conflicts here. Convex never gives it up. */
const MAX_JOB_RETRIES = 100;

/**
 * Runs an app's functions in Convex's transactions: any number at once, each on its own snapshot. A transaction is
 * validated when it commits, and runs again from the start when something that it read was written since.
 */
export class Backend<Deployment> implements Services<Deployment> {
  readonly store: Store;
  /** The variables of the deployment's environment. */
  env: Record<string, string | undefined> = {};
  /** How actions run queries. */
  runQueryForAction: RunQuery<Deployment> = (path, args) => this.query(path, args);
  /** Answers the requests of actions. */
  answerOutside: AnswerOutside = async (url) => {
    throw new Error(`Nothing answers at ${url}.`);
  };
  private readonly actions = new Set<Frame<Deployment>>();

  /** @param isolates - Shared by backends, since making isolates takes most of the time. */
  constructor(
    private readonly isolates: Isolates<Deployment>,
    private deployment: Deployment,
    private readonly loop: Turns,
    private readonly choices: { pick(options: number): number },
    private readonly weather: Weather,
    private readonly observer: Observer<Deployment>,
  ) {
    const isolate = isolates.take(deployment);
    this.store = new Store(isolate.schema);
    isolates.giveBack(isolate);
  }

  /** Runs a query in a transaction of its own. */
  async query(path: string, args: JSONValue): Promise<Ended<Deployment>> {
    return await this.loop.execute(async (execution) => {
      await this.turn(execution, "begin");
      const { deployment, transaction } = this.begin();
      const frame = new Frame<Deployment>(this, deployment, execution, "query", path, transaction);
      const result = await settled(this.call(frame, args));
      const ended = endedOf(frame, { args, result, retries: 0 });
      this.observer.onEnd("query", ended);
      return ended;
    });
  }

  /**
   * Runs a mutation, and commits it.
   *
   * @throws Its error; or an Error when it had too many conflicts.
   */
  async mutation(path: string, args: JSONValue): Promise<JSONValue> {
    const { result } = await this.loop.execute((execution) => this.transact(execution, path, args, null));
    if ("error" in result) throw result.error;
    return result.value;
  }

  /**
   * Runs an action for a client.
   *
   * @throws Its error.
   */
  async action(path: string, args: JSONValue): Promise<JSONValue> {
    return await this.loop.execute(async (execution) => {
      await this.turn(execution, "begin");
      this.observer.onAction?.(path, args);
      const { deployment } = this;
      const frame = new Frame<Deployment>(this, deployment, execution, "action", path, null);
      return await this.live(frame, args);
    });
  }

  /** Answers a request to an HTTP action. */
  async fetch(path: string, request: SimulatedRequest): Promise<SimulatedResponse> {
    return await this.loop.execute(async (execution) => {
      await this.turn(execution, "begin");
      this.observer.onAction?.(path);
      const { deployment } = this;
      const frame = new Frame<Deployment>(this, deployment, execution, "action", path, null);
      return await this.inIsolate(frame, async (deployed) => {
        const found = deployed.http.lookup(path, "POST");
        if (found === null) throw new Error(`No route for POST ${path}.`);
        const invoke = found[0] as unknown as {
          invokeHttpAction(request: SimulatedRequest): Promise<SimulatedResponse>;
        };
        return await invoke.invokeHttpAction(request);
      });
    });
  }

  /** Replaces the app's code. Running transactions are run again, since every function reads its code. */
  deploy(deployment: Deployment): void {
    this.deployment = deployment;
    const code = { document: { _id: CODE.id, _creationTime: 0 } };
    const now = this.loop.now;
    const place = { path: "deploy", begunAt: now, committedAt: now };
    this.committed(this.store.commit([{ ...CODE, stored: code }], place));
  }

  /** The deployment restarts: running actions die, and scheduled functions stay. */
  restart(): void {
    for (const frame of this.actions) frame.die(RESTARTED);
  }

  now(): number {
    return this.loop.now;
  }

  random(): number {
    return this.choices.pick(1_000) / 1_000;
  }

  environment(): Record<string, string | undefined> {
    return this.env;
  }

  turn(execution: number, why: string): Promise<void> {
    return this.loop.turn(execution, why);
  }

  after(ms: number, fire: () => void): void {
    this.loop.at(this.loop.now + ms, fire);
  }

  suspend(execution: number): void {
    this.loop.suspend?.(execution);
  }

  resume(execution: number): void {
    this.loop.resume?.(execution);
  }

  fetchForAction(frame: Frame<Deployment>, url: string, init?: RequestInit): Promise<SimulatedResponse> {
    return this.answerOutside(url, init, frame);
  }

  syscall(frame: Frame<Deployment>, op: string, args: Arguments): JSONValue {
    return answerSync(frame, op, args);
  }

  async asyncSyscall(frame: Frame<Deployment>, op: string, args: Arguments): Promise<string> {
    try {
      switch (op) {
        case "1.0/runUdf":
          return JSON.stringify(await this.runNested(frame, args));
        case "1.0/actions/query": {
          const { result } = await this.runQueryForAction(addressed(frame, args), args.args);
          return JSON.stringify(valueOrThrow(result));
        }
        case "1.0/actions/mutation":
          if (this.weather.callFails?.(frame.path)) throw new Error("The system is overloaded.");
          return JSON.stringify(await this.mutation(addressed(frame, args), args.args));
        case "1.0/actions/action":
          return JSON.stringify(await this.action(addressed(frame, args), args.args));
        case "1.0/actions/schedule":
          return JSON.stringify(await this.scheduleFromAction(addressed(frame, args), args));
        case "1.0/createFunctionHandle":
          return JSON.stringify(functionHandle(frame, args));
        default:
          return answer(frame, op, args);
      }
    } catch (error) {
      throw callError(error);
    }
  }

  private begin(): { deployment: Deployment; transaction: Transaction } {
    const transaction = new Transaction(this.store, this.store.latest, this.loop.now);
    return { deployment: this.deployment, transaction };
  }

  /** Runs a mutation until it commits or throws. */
  private async transact(
    execution: number,
    path: string,
    args: JSONValue,
    jobId: string | null,
  ): Promise<Ended<Deployment>> {
    const maxRetries = jobId === null ? MAX_RETRIES : MAX_JOB_RETRIES;
    for (let retries = 0; ; retries++) {
      await this.turn(execution, "begin");
      const { deployment, transaction } = this.begin();
      const job = jobId === null ? null : pendingJob(transaction, jobId);
      const frame = new Frame<Deployment>(this, deployment, execution, "mutation", path, transaction);
      let result: Ended<Deployment>["result"] = { value: null };
      if (jobId === null || job !== null) {
        result = await settled(this.call(frame, args));
      }
      if (job !== null && "value" in result) finish(transaction, job, "success");
      await this.turn(execution, "commit");
      const outcome = "error" in result ? null : transaction.commit(path, this.loop.now);
      if (isConflict(outcome)) {
        this.observer.onConflict(path, args, outcome.change, transaction.usage, frame.lines);
        if (retries < maxRetries) {
          await this.rest(this.weather.conflictRest(retries + 1, jobId !== null));
          continue;
        }
        result = { error: outOfRetries(path, retries) };
      }
      const commit = isConflict(outcome) ? null : outcome;
      if (commit !== null) this.committed(commit);
      const ended = { ...endedOf(frame, { args, result, retries }), commit, job };
      this.observer.onEnd("mutation", ended);
      if (job !== null && "error" in result) this.writeJob(job, "failed");
      return ended;
    }
  }

  private async rest(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((goOn) => this.loop.at(this.loop.now + ms, goOn));
  }

  /** Starts timers for the jobs that a commit has scheduled. */
  private committed(commit: Commit): void {
    this.observer.onCommit(commit);
    for (const { table, before, after } of commit.changes) {
      if (table !== JOBS || before !== null || after === null) continue;
      const job = after as unknown as Job;
      const at = Math.max(job.scheduledTime, this.loop.now) + this.weather.schedulerLag();
      this.loop.at(at, () => void this.runJob(job));
    }
  }

  private async runJob(job: Job): Promise<void> {
    const { _id, name, args } = job;
    await this.loop.execute(async (execution) => {
      if (this.isAction(name)) await this.runAction(execution, job);
      else if (this.weather.jobDeath?.(name, args)) await this.bury(execution, job);
      else await this.transact(execution, name, convexToJson(args[0]), _id);
    });
  }

  private async bury(execution: number, job: Job): Promise<void> {
    await this.turn(execution, "begin");
    const { transaction } = this.begin();
    if (pendingJob(transaction, job._id) === null) return;
    this.observer.onJobDeath?.(job);
    this.writeJob(job, "failed");
  }

  /** Whether the app has a function of this path. */
  has(path: string): boolean {
    return this.find(path) !== undefined;
  }

  private isAction(path: string): boolean {
    return this.find(path)?.invokeAction !== undefined;
  }

  private find(path: string): Registered | undefined {
    const isolate = this.isolates.take(this.deployment);
    const { functions } = isolate.deploy(this.deployment);
    this.isolates.giveBack(isolate);
    return functions[path];
  }

  /** A scheduled action runs at most once. */
  private async runAction(execution: number, job: Job): Promise<void> {
    await this.turn(execution, "begin");
    const args = convexToJson(job.args[0]);
    this.observer.onAction?.(job.name, args);
    const { deployment } = this;
    if (!this.writeJob(job, "inProgress")) return;
    const frame = new Frame<Deployment>(this, deployment, execution, "action", job.name, null);
    const death = this.weather.actionDeath(job.name);
    const result = await settled(this.live(frame, args, death));
    if (death !== null || frame.isDead) this.observer.onActionDeath?.(job);
    if (frame.isDead && death === null) {
      this.suspend(execution);
      await this.rest(this.weather.restartLag?.() ?? 0);
    }
    this.writeJob(job, "error" in result ? "failed" : "success");
  }

  /** Runs an action until it ends, dies after so many calls, or the deployment restarts. */
  private async live(frame: Frame<Deployment>, args: JSONValue, calls: number | null = null): Promise<JSONValue> {
    this.actions.add(frame);
    const death = calls === null ? frame.death() : frame.dieAfter(calls);
    try {
      return await Promise.race([this.call(frame, args), death]);
    } finally {
      frame.end();
      this.actions.delete(frame);
      this.observer.onActionEnd?.(frame, args);
    }
  }

  /** @returns Whether the job still existed, and could begin or end. */
  private writeJob(job: Job, kind: Job["state"]["kind"]): boolean {
    const { transaction } = this.begin();
    const current = transaction.get(JOBS, job._id)?.document as unknown as Job | undefined;
    const expected = kind === "inProgress" ? "pending" : "inProgress";
    if (kind !== "failed" && current?.state.kind !== expected) return false;
    finish(transaction, job, kind);
    const commit = transaction.commit("scheduler", this.loop.now);
    if (commit !== null && !isConflict(commit)) this.committed(commit);
    return true;
  }

  private async scheduleFromAction(name: string, args: Arguments): Promise<JSONValue> {
    const { transaction } = this.begin();
    const id = schedule(transaction, name, args);
    const commit = transaction.commit("scheduler", this.loop.now);
    if (commit !== null && !isConflict(commit)) this.committed(commit);
    return convexToJson(id);
  }

  /** Runs a query or mutation for a function in a transaction: as a part of that transaction, or in a stale snapshot. */
  private async runNested(
    caller: Frame<Deployment>,
    { udfType, args, transactionLimits, ...address }: Arguments,
  ): Promise<JSONValue> {
    const name = addressed(caller, address);
    const { deployment, execution } = caller;
    const outer = caller.transaction as Transaction;
    const kind = udfType === "mutation" ? "mutation" : "query";
    const frameIn = (transaction: Transaction) =>
      new Frame<Deployment>(this, deployment, execution, kind, name, transaction, caller);
    if (udfType === "snapshotQuery") {
      const transaction = new Transaction(this.store, this.snapshotBefore(outer), outer.now);
      const frame = frameIn(transaction);
      const result = await settled(this.call(frame, args));
      this.observer.onSnapshotQuery?.(endedOf(frame, { args, result, retries: 0 }));
      return valueOrThrow(result);
    }
    outer.begin(transactionLimits as TransactionLimits | undefined);
    try {
      const value = await this.call(frameIn(outer), args);
      outer.end(true);
      return value;
    } catch (error) {
      outer.end(false);
      throw error;
    }
  }

  /** A snapshot that is somewhat older than a transaction's own. */
  private snapshotBefore({ snapshot, now }: Transaction): number {
    const until = now - this.weather.snapshotAge();
    let number = snapshot;
    while (number > 0 && (this.store.commits[number - 1] as Commit).committedAt > until) number--;
    return until < now ? number : snapshot;
  }

  /** Calls a function of the app with arguments that its validator accepts. */
  private async call(frame: Frame<Deployment>, args: JSONValue): Promise<JSONValue> {
    return await this.inIsolate(frame, async (deployed) => {
      const registered = deployed.functions[frame.path];
      const invoke = registered && invocations(registered)[frame.kind];
      if (registered === undefined || invoke === undefined) {
        throw new Error(`The app has no ${frame.kind} ${frame.path}.`);
      }
      const wrong = misfit(JSON.parse(registered.exportArgs()), jsonToConvex(args), "args");
      if (wrong !== null) throw new Error(`ArgumentValidationError: ${frame.path}: ${wrong}`);
      return JSON.parse(await invoke(JSON.stringify([args])));
    });
  }

  /**
   * An isolate is not used again when it may still have traces of a function: open calls, or, after an action, values in
   * the variables of its modules.
   */
  private async inIsolate<T>(frame: Frame<Deployment>, work: (deployed: Deployed) => Promise<T>): Promise<T> {
    const isolate = this.isolates.take(frame.deployment);
    const deployed = isolate.deploy(frame.deployment);
    isolate.host = frame;
    try {
      return await work(deployed);
    } finally {
      if (frame.end() && (frame.kind !== "action" || this.isolates.keepsActions)) {
        isolate.host = null;
        this.isolates.giveBack(isolate);
      }
    }
  }
}

function invocations({ invokeQuery, invokeMutation, invokeAction }: Registered) {
  const action = invokeAction && ((args: string) => invokeAction("", args));
  return { query: invokeQuery, mutation: invokeMutation, action };
}

async function settled(value: Promise<JSONValue>): Promise<Ended<unknown>["result"]> {
  try {
    return { value: await value };
  } catch (error) {
    return { error: error as Error };
  }
}

function endedOf<Deployment>(
  { path, lines, readClock, deployment, transaction }: Frame<Deployment>,
  rest: Pick<Ended<Deployment>, "args" | "result" | "retries">,
): Ended<Deployment> {
  const { snapshot, now, usage } = transaction as Transaction;
  const reads = (transaction as Transaction).reads();
  const place = { path, lines, readClock, deployment, snapshot, begunAt: now };
  return { ...rest, ...place, commit: null, job: null, usage, reads };
}

/** How many isolates are kept. Each takes about a megabyte. */
const MAX_IDLE = 6;

/** Isolates that wait for the next function. */
export class Isolates<Deployment> {
  /** The isolate that was used last is the last. */
  private readonly idle: Isolate<Deployment>[] = [];
  readonly keepsActions: boolean;

  /**
   * @param options.keepsActions - Whether an isolate is used again after an action: faster, but a result may depend on
   * what earlier actions left in the variables of modules.
   */
  constructor(
    readonly program: Program,
    { keepsActions = false } = {},
  ) {
    this.keepsActions = keepsActions;
  }

  /** An isolate that holds the deployment; otherwise the one used last, since `deploy` is faster than a new isolate. */
  take(deployment: Deployment): Isolate<Deployment> {
    const place = this.idle.findLastIndex((isolate) => isolate.holds(deployment));
    const found = place === -1 ? this.idle.pop() : this.idle.splice(place, 1)[0];
    return found ?? new Isolate<Deployment>(this.program);
  }

  giveBack(isolate: Isolate<Deployment>): void {
    if (this.idle.length < MAX_IDLE) this.idle.push(isolate);
  }
}

function outOfRetries(path: string, retries: number): Error {
  return new Error(`${path} was in conflict ${retries + 1} times.`);
}

/** Whether a mutation was given up because of its conflicts. Also true for the error of an action that called it. */
export function isOutOfRetries({ message }: Error): boolean {
  return / was in conflict \d+ times\./.test(message);
}

/** Whether an action was ended by a restart of the deployment. */
export function isRestart({ message }: Error): boolean {
  return message === RESTARTED;
}

function isConflict(outcome: Commit | Conflict | null): outcome is Conflict {
  return outcome !== null && "change" in outcome;
}

function valueOrThrow(result: Ended<unknown>["result"]): JSONValue {
  if ("error" in result) throw result.error;
  return result.value;
}

/** A job that has not run yet; null when it was canceled, or has run. */
function pendingJob(transaction: Transaction, id: string): Job | null {
  const job = transaction.get(JOBS, id)?.document as unknown as Job | undefined;
  return job?.state.kind === "pending" ? job : null;
}

function finish(transaction: Transaction, { _id }: Job, kind: Job["state"]["kind"]): void {
  transaction.change(JOBS, _id, (job) => ({ ...job, state: { kind } }));
}
