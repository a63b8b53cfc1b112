import type { JSONValue } from "convex/values";
import type { Deployment } from "./app.js";
import { Calls } from "./calls.js";
import { Clients, checkSeals, opened } from "./clients.js";
import { Convergence } from "./convergence.js";
import {
  Backend,
  type Caller,
  type Ended,
  type Isolates,
  isOutOfRetries,
  isRestart,
  type Observer,
} from "./engine/backend.js";
import { Choices, type Deviation } from "./engine/choices.js";
import type { Kind } from "./engine/frame.js";
import type { SimulatedRequest, SimulatedResponse } from "./engine/isolate.js";
import { type LogEvent, LogStream, signedRequest } from "./engine/logStream.js";
import { Loop } from "./engine/loop.js";
import type { Commit } from "./engine/store.js";
import { Subscriptions } from "./engine/subscriptions.js";
import type { Job } from "./engine/syscalls.js";
import { BEAT_EVERY_MS, CALM_BEFORE_MS, Heartbeats, LastingFaults } from "./faults.js";
import { forgedMessage } from "./forgery.js";
import { type Act, deploymentsOf, type History, type Step } from "./history.js";
import { checkAge, checkAnswer, checkPart } from "./invariants/answers.js";
import { checkConflict } from "./invariants/conflicts.js";
import { Effects } from "./invariants/effects.js";
import { checkArrival, checkAudits } from "./invariants/health.js";
import { checkClock, checkHeard, type Readers } from "./invariants/idleClock.js";
import { Paces } from "./invariants/pace.js";
import { checkRows, checkTruth, checkWrites } from "./invariants/rows.js";
import { TARGET, TrailingRuns } from "./invariants/trailing.js";
import { must, Violation } from "./invariants/violation.js";
import { Tails } from "./tails.js";
import { Trace } from "./trace.js";
import { isOfPart, type RecomputeJob, rowsOf } from "./truth.js";
import { ChosenWeather } from "./weather.js";

export const EFFECT_SECRET = "0123456789abcdef0123456789abcdef";
const STREAM_SECRET = "the stream's own secret";
const EFFECTS_PATH = "/lazy-views/effects";

const START = Date.UTC(2026, 0, 1);
/** Clean-up runs every ten minutes: some histories begin shortly before one. */
const STARTS_MS = [0, 560_000, 584_000, 588_000];
/** Shares of turns that go to the execution that ran last; each history has one of these shares. */
const PLAIN_TURNS = [0.95, 0.8, 0.5, 0.2];
/** The longest wait for the next timer: timers that are due much later stay pending. */
const LONGEST_WAIT_MS = 30 * 60_000;
/** The shares of scheduled recomputes that surely live. In an app with pages more may die: pages ask again. */
const LIVING_JOBS = { "beside pages": 0.7, else: 0.95 };
/** The most deliveries of which an attacker keeps a copy. */
const MAX_CAPTURED = 5;

/** How a history went. */
export interface Outcome {
  /** The invariant that it broke; null for none. */
  violation: string | null;
  /** Its choices that were not the plainest. They are enough to replay it. */
  deviations: readonly Deviation[];
  /** The events, if `isTraced`. */
  trace: readonly string[];
  commits: number;
  conflicts: number;
}

export interface SimulateOptions {
  /** Whether the outcome contains a trace. Default: false. */
  isTraced?: boolean;
}

/** Runs one history, and checks the invariants after each event. */
export async function simulate(
  history: History,
  isolates: Isolates<Deployment>,
  { isTraced = false }: SimulateOptions = {},
): Promise<Outcome> {
  const simulation = new Simulation(history, isolates, isTraced);
  const violation = await simulation.run();
  const { choices, trace, backend } = simulation;
  return {
    violation,
    deviations: choices.deviations,
    trace: trace.lines,
    commits: backend.store.latest,
    conflicts: simulation.conflicts,
  };
}

export class Simulation implements Observer<Deployment>, Readers {
  readonly choices: Choices;
  readonly trace: Trace;
  readonly backend: Backend<Deployment>;
  conflicts = 0;
  readonly loop: Loop;
  readonly weather: ChosenWeather | LastingFaults;
  private readonly stream: LogStream;
  readonly subscriptions: Subscriptions<Deployment>;
  readonly clients: Clients;
  readonly heartbeats: Heartbeats | null;
  readonly paces = new Paces();
  readonly effects: Effects;
  /** Null in an app without a tail. */
  readonly tails: Tails | null;
  private readonly trailingRuns = new TrailingRuns();
  readonly watched = new Set<string>();
  /** Groups for which a recompute has died. */
  private readonly bereft = new Set<string>();
  deployment: Deployment;
  /** Whether an item was written without the library: rows are wrong until audits have found them. */
  hasDrifted = false;
  private violation: Violation | null = null;
  private readonly calls = new Calls();
  /** Deliveries of the log stream that an attacker has copied. */
  readonly captured: SimulatedRequest[] = [];

  constructor(
    readonly history: History,
    isolates: Isolates<Deployment>,
    isTraced: boolean,
  ) {
    this.choices = new Choices(history.choices);
    const plain = PLAIN_TURNS[this.choices.pick(PLAIN_TURNS.length)] as number;
    const start = START + (STARTS_MS[this.choices.pick(STARTS_MS.length, 0.5)] as number);
    this.loop = new Loop(this.choices, start, plain);
    this.trace = new Trace(isTraced, () => this.loop.now);
    const living = LIVING_JOBS[history.transports?.includes("client") ? "beside pages" : "else"];
    this.weather = new (history.hasLastingFaults ? LastingFaults : ChosenWeather)(this.choices, living);
    this.deployment = { ...deploymentsOf(history)[0], release: history.release };
    const { loop, choices, weather } = this;
    this.backend = new Backend(isolates, this.deployment, loop, choices, weather, this);
    this.backend.env = {
      LAZY_VIEWS_SECRET: EFFECT_SECRET,
      LAZY_VIEWS_STREAM_SECRET: STREAM_SECRET,
      ...(history.isCrowded && { CROWDED: "yes" }),
      ...(history.transports?.includes("logTail") && Tails.env(history)),
    };
    const { store } = this.backend;
    const isTailed = history.transports?.includes("logTail") ?? false;
    this.effects = new Effects(EFFECT_SECRET, isTailed);
    this.tails = isTailed ? new Tails(history, loop, store, weather, (work) => this.check(work)) : null;
    const log = this.tails?.log;
    if (log !== undefined) this.backend.answerOutside = log.answer;
    this.stream = new LogStream(
      loop,
      STREAM_SECRET,
      (request) => {
        if (this.captured.length < MAX_CAPTURED) this.captured.push(request);
        return this.deliver(request);
      },
      () => weather.fate(),
      (events, status) => this.trace.add(() => `${events.length} lines delivered: ${status}`),
    );
    this.subscriptions = new Subscriptions(
      this.backend,
      (events, path) => this.send(events, path),
      (ended) => this.check(() => this.checkAnswer(ended)),
    );
    this.backend.runQueryForAction = (path, args) => this.subscriptions.forAction(path, args);
    this.clients = new Clients({
      program: isolates.program,
      ...{ backend: this.backend, subscriptions: this.subscriptions, loop, choices, weather },
      check: (work) => this.check(work),
      onForward: (seals) => this.effects.onForward(seals, this.backend.store.latest),
    });
    this.heartbeats = history.hasLastingFaults ? new Heartbeats(this.backend.store) : null;
    if (weather instanceof LastingFaults) {
      loop.at(loop.now + CALM_BEFORE_MS, () => weather.begin());
      loop.at(loop.now + BEAT_EVERY_MS, () => this.beatAgainAndAgain());
    }
  }

  /** @returns The first invariant that was broken; null for none. */
  async run(): Promise<string | null> {
    try {
      await this.play();
    } catch (error) {
      this.violation ??= new Violation(String(error));
    }
    return this.violation?.message ?? null;
  }

  private async play(): Promise<void> {
    for (const step of this.history.steps) {
      if (this.isBroken) break;
      await this.perform(step);
      this.checkAges();
    }
    if (!this.isBroken) await new Convergence(this).run();
  }

  /** Whether an invariant was broken. Later violations may only follow from it. */
  get isBroken(): boolean {
    return this.violation !== null;
  }

  checkAges(): void {
    for (const ended of this.subscriptions.results()) {
      if (isOfOldRelease(ended) || ended.path !== "app:read") continue;
      this.check(() => checkAge(opened(ended).plain, this.loop.now, this.worstLagMs));
    }
  }

  /** How late marks may be. When the sweep that marks rows by their age has died, the heartbeat marks them. */
  private get worstLagMs(): number {
    return this.weather.worstLagMs + (this.heartbeats === null ? 0 : BEAT_EVERY_MS);
  }

  private checkAnswer(ended: Ended<Deployment>): void {
    if (isOfOldRelease(ended) || this.hasDrifted) return;
    const { store } = this.backend;
    const { plain, seals } = opened(ended);
    if (plain.path === "app:readPart") {
      checkPart(store, plain);
      return;
    }
    checkAnswer(store, plain, this.worstLagMs);
    const { group } = plain.args as { group: string };
    if (seals !== null) checkSeals(plain, seals, rowsOf(store, ended.snapshot).get(group));
  }

  onCommit(commit: Commit): void {
    this.trace.onCommit(commit);
    if (this.deployment.release === undefined) {
      this.check(() => {
        this.effects.onCommit(commit);
        this.trailingRuns.onCommit(commit);
        this.tails?.onCommit(commit);
        for (const change of commit.changes) {
          if (change.table === "groups") checkClock(commit, change, this.deployment, this);
        }
        checkRows(this.backend.store, this.deployment, commit);
        if (!this.hasDrifted) {
          checkTruth(this.backend.store, this.deployment, commit.number);
          checkAudits(commit, this.deployment);
        }
        checkArrival(commit);
      });
      this.heartbeats?.onCommit(commit);
    }
    this.subscriptions.onCommit(commit);
  }

  onEnd(kind: Kind, ended: Ended<Deployment>): void {
    this.trace.onEnd(kind, ended);
    if (kind === "mutation") this.tails?.onMutation(ended.path, ended.lines);
    if (isOfOldRelease(ended)) return;
    this.check(() => {
      this.paces.onEnd(ended);
      this.effects.onEnd(ended, this.backend.store);
      this.trailingRuns.onEnd(ended);
      this.tails?.onEnd(ended);
      checkHeard(ended, this.backend.store);
      if (kind === "mutation" && "error" in ended.result) this.checkError(ended, ended.result.error);
      else checkWrites(ended);
    });
  }

  onConflict(...[path, args, change, , lines]: Parameters<Observer<Deployment>["onConflict"]>): void {
    this.conflicts++;
    this.trace.onConflict(path, change);
    this.tails?.onMutation(path, lines);
    if (this.deployment.release !== undefined) return;
    this.check(() => checkConflict(this.deployment, path, args, change));
  }

  onAction(path: string, args: JSONValue = {}): void {
    this.check(() => this.tails?.onAction(path, args));
  }

  onActionEnd(action: Caller, args: JSONValue): void {
    this.trace.onActionEnd(action.path, args, action.isDead);
    this.check(() => this.tails?.onActionEnd(action, args));
  }

  onJobDeath({ name, args }: Job): void {
    this.trace.add(() => `${name} died`);
    if (name === TARGET || isOfPart((args[0] as { job?: RecomputeJob }).job)) return;
    const group = this.groupOfJob(args);
    if (group !== undefined) this.bereft.add(group);
    if (name !== "lazy:sweep") this.heartbeats?.onDeath(group, this.deployment);
  }

  /** A run whose action has died is retried without a reader, but later. */
  onActionDeath({ args }: Job): void {
    this.heartbeats?.onDeath(this.groupOfJob(args), this.deployment);
  }

  /** Mutations throw only the history's own errors, and, when a client calls them, that they were out of retries. */
  private checkError({ path, args, job }: Ended<Deployment>, error: Error): void {
    const { message } = error;
    // Calls that an older release scheduled, or that its actions make, are refused.
    if (path.startsWith("lazy:") && isOfOtherForm(args)) return;
    const isOwn = path.startsWith("app:") && ["broken", "rolled back"].includes(message);
    const isContended = job === null && isOutOfRetries(error);
    must(isOwn || isContended, () => `${path} threw: ${message}`);
  }

  /** Keeps the first violation: later ones may only follow from it. */
  check(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.trace.add(() => `✗ ${error}`);
      this.violation ??= error instanceof Violation ? error : new Violation(String(error));
    }
  }

  private send(events: LogEvent[], path: string): void {
    if (this.deployment.release === undefined) this.effects.onSend(events);
    const kept = events.filter(({ line }) => !this.weather.isLost(line.message.replaceAll("'", "")));
    if (this.hasStream || this.tails === null) this.stream.push(kept);
    this.tails?.onQuery(path, kept);
  }

  async perform({ turns, ...act }: Step): Promise<void> {
    this.trace.add(() => `── ${JSON.stringify(act)}`);
    if (act.do === "wait") await this.loop.passUpTo(act.ms);
    else if (act.do === "wait until something is due")
      await this.loop.passUpTo(Math.min(this.loop.untilNext, LONGEST_WAIT_MS));
    else this.start(act);
    await this.loop.run(turns);
  }

  start(act: Act): void {
    const call = this.calls.of(act);
    if (call?.kind === "mutation") {
      this.backend.mutation(call.path, call.args).catch(() => {}); // `onEnd` has checked the error.
    }
    switch (act.do) {
      case "subscribe":
        if (act.client !== undefined) this.clients.subscribe(act.client, act.group);
        else {
          this.watched.add(act.group);
          this.subscriptions.subscribe("app:read", { group: act.group });
        }
        break;
      case "ask":
        this.ask(act.group, act.client);
        break;
      case "leave":
        this.clients.leave(act.client, act.group);
        break;
      case "part":
        if (call?.kind === "query") this.subscriptions.ask(call.path, call.args);
        break;
      case "invent":
        this.subscriptions.ask("app:read", { group: act.key });
        break;
      case "break":
        this.heartbeats?.onTrouble();
        this.backend.env = { ...this.backend.env, BROKEN: "yes" };
        break;
      case "mend":
        this.backend.env = { ...this.backend.env, BROKEN: undefined };
        // The log stream gets the effects of a query that throws, but pages get only the error.
        if (this.deployment.transports.includes("client")) this.subscriptions.runFailedAgain();
        break;
      case "deploy":
        this.deploy({ version: 2 });
        break;
      case "upgrade":
        if (this.deployment.release !== undefined) this.paces.onUpgrade(this.backend.store);
        this.deploy({ release: undefined });
        break;
      case "fill the log":
        this.stream.fill();
        this.tails?.log.fill();
        break;
      case "call the tail":
        this.backend.action("lazy:tail", {}).catch(() => {}); // It may die.
        break;
      case "restart":
        this.restart();
        break;
      case "refuse the log key":
        if (this.tails !== null) this.tails.log.refusal = act.status;
        break;
      case "accept the log key":
        if (this.tails !== null) this.tails.log.refusal = null;
        break;
      case "beat":
        this.beat();
        break;
      case "forge":
        this.forge(act);
    }
  }

  /** Calls the route of the log stream. */
  deliver(request: SimulatedRequest): Promise<SimulatedResponse> {
    return this.backend.fetch(EFFECTS_PATH, request);
  }

  private deploy(change: Partial<Deployment>): void {
    this.heartbeats?.onTrouble();
    this.deployment = { ...this.deployment, ...change };
    this.backend.deploy(this.deployment);
  }

  private restart(): void {
    this.heartbeats?.onTrouble();
    this.backend.restart();
    this.tails?.log.restart();
  }

  /** Whether a log stream or a tail reads the lines of queries. */
  private get isLogged(): boolean {
    return this.hasStream || this.tails !== null;
  }

  private get hasStream(): boolean {
    return this.deployment.transports.includes("logStream");
  }

  /** A reader asks once, without watching: in an app without a log, on a new page. */
  ask(group: string, client?: number): void {
    if (client !== undefined) this.clients.ask(client, group);
    else if (this.isLogged) this.subscriptions.ask("app:read", { group });
    else this.clients.askAnew(group);
  }

  beat(): void {
    const { release } = this.deployment;
    this.backend.action("lazy:heartbeat", {}).catch((error) => {
      // The calls of an older release's heartbeat may be refused, and a restart ends the heartbeat.
      const mayThrow = release !== undefined || isRestart(error);
      this.check(() => must(mayThrow, () => `The heartbeat threw: ${error}`));
    });
  }

  /** The heartbeat of a history with lasting faults. */
  private beatAgainAndAgain(): void {
    const { loop } = this;
    this.check(() => this.heartbeats?.onBeat(this.deployment, loop.now));
    if (this.backend.env.BROKEN !== undefined) this.heartbeats?.onTrouble();
    this.beat();
    loop.at(loop.now + BEAT_EVERY_MS, () => this.beatAgainAndAgain());
  }

  private forge({ how }: Act & { do: "forge" }): void {
    const event = { timestamp: this.loop.now, topic: "console", message: forgedMessage(how, EFFECT_SECRET) };
    const secret = how === "unsigned request" ? "a guess" : STREAM_SECRET;
    const request = signedRequest(JSON.stringify([event]), secret);
    void this.deliver(request).then(({ status }) => {
      if (this.deployment.release !== undefined) return;
      const expected = how === "unsigned request" ? 401 : 200;
      this.check(() => must(status === expected, () => `A forgery (${how}) got ${status}.`));
    });
  }

  isWatched(group: string, snapshot: number): boolean {
    // Without a log, unmarked calls raise nothing.
    return this.isLogged && this.subscriptions.isWatched("app:read", { group }, snapshot);
  }

  /** Whether a recompute of the group has died, or a recompute whose turn the group waits for. */
  isBereft(group: string): boolean {
    return this.deployment.isLimited ? this.bereft.size > 0 : this.bereft.has(group);
  }

  private groupOfJob(args: Job["args"]): string | undefined {
    const { job } = args[0] as unknown as { job?: { args?: { group: string }; run?: string } };
    return job?.args?.group ?? this.groupOfRun(job?.run);
  }

  private groupOfRun(id: string | undefined): string | undefined {
    const { store } = this.backend;
    for (const { document } of store.scan("lazyRuns", store.latest)) {
      if (document._id === id) return (document.args as { group: string }).group;
    }
    return undefined;
  }
}

/** Whether it ran the code of an older release, which is not checked. */
function isOfOldRelease({ deployment }: Ended<Deployment>): boolean {
  return deployment.release !== undefined;
}

/** Whether the arguments of one of the library's functions do not have this release's form. */
function isOfOtherForm(args: JSONValue): boolean {
  const { job } = args as { job?: { kind?: string } };
  // The canary of an older release.
  if (job?.kind === "note") return true;
  return !["job", "effects", "seals"].some((name) => name in (args as object));
}
