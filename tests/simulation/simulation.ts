import type { JSONValue } from "convex/values";
import type { Change } from "../../examples/backend/readSet";
import { type Deployment, WINDOW_MS } from "./app.js";
import { Calls } from "./calls.js";
import { Clients, checkSeals, opened } from "./clients.js";
import { Backend, type Ended, type Isolates, isOutOfRetries, type Observer } from "./engine/backend.js";
import { Choices, type Deviation } from "./engine/choices.js";
import type { Kind } from "./engine/frame.js";
import type { SimulatedRequest } from "./engine/isolate.js";
import { type LogEvent, LogStream, MAX_EVENT_AGE_MS, signedRequest } from "./engine/logStream.js";
import { Loop } from "./engine/loop.js";
import type { Commit } from "./engine/store.js";
import { Subscriptions } from "./engine/subscriptions.js";
import type { Job } from "./engine/syscalls.js";
import { BEAT_EVERY_MS, CALM_BEFORE_MS, Heartbeats, LastingFaults } from "./faults.js";
import { forgedMessage } from "./forgery.js";
import { type Act, ALL_TURNS, COLORS, deploymentsOf, type History, LISTS, type Step } from "./history.js";
import { checkAge, checkAnswer } from "./invariants/answers.js";
import { checkConflict } from "./invariants/conflicts.js";
import { Effects } from "./invariants/effects.js";
import { checkArrival, checkHealth } from "./invariants/health.js";
import { checkClock, checkHeard, type Readers } from "./invariants/idleClock.js";
import { Paces } from "./invariants/pace.js";
import { checkRows, checkWrites } from "./invariants/rows.js";
import { TARGET, TrailingRuns } from "./invariants/trailing.js";
import { must, Violation } from "./invariants/violation.js";
import { Trace } from "./trace.js";
import { hasAge, isClean, isOld, rowsOf } from "./truth.js";
import { ChosenWeather } from "./weather.js";

export const EFFECT_SECRET = "0123456789abcdef0123456789abcdef";
const STREAM_SECRET = "the stream's own secret";
const EFFECTS_PATH = "/lazy-views/effects";

const START = Date.UTC(2026, 0, 1);
/** Clean-up takes place every ten minutes: some histories begin shortly before. */
const STARTS_MS = [0, 560_000, 584_000, 588_000];
/** The shares of turns that go on with what ran last; each history has one of them. */
const PLAIN_TURNS = [0.95, 0.8, 0.5, 0.2];
/** Within the hour of the documentation, as the heartbeat was somewhat earlier. */
const LATELY_MS = 3_600_000;
/**
 * Longer than a row that was asked for may be stale, or a recompute on its way, or a turn that of a job that has died,
 * before the heartbeat takes it up.
 */
const PATIENCE_MS = 760_000;
const TURN_PATIENCE_MS = 1_300_000;
/** Of waiting until something is due: what is due a day later has much happen before. */
const LONGEST_WAIT_MS = 30 * 60_000;
/** Longer than the grace after which a write marks a row again that was marked once. */
const GRACE_MS = 61_000;
/** The longest that all that is under way takes: the latest delivery, the longest backoff, and a window. */
const CALM_MS = 200_000;
/** The same, after more failures in a row than are retried: their backoff is ten minutes. */
const LONG_CALM_MS = 900_000;
/** Pages forward again what has come to nothing, after an hour at most. */
const CLIENT_CALM_MS = 3_600_000 + CALM_MS;
/** The shares of scheduled recomputes that surely live. Pages heal by themselves what comes of the others. */
const LIVING_JOBS = { "beside pages": 0.7, else: 0.95 };
/** The beats of a heartbeat when no job dies any more. */
const LAST_BEATS = 3;
/** Deliveries that a stranger has a copy of. */
const MAX_CAPTURED = 5;
/** How often readers ask in a backlog. */
const ASK_EVERY_MS = 3_000;

/** How a history went. */
export interface Outcome {
  /** What it broke; null when all is well. */
  violation: string | null;
  /** Its choices that were not the plainest: with them it is replayed. */
  deviations: readonly Deviation[];
  /** What happened, when it was asked for. */
  trace: readonly string[];
  commits: number;
  conflicts: number;
}

export interface SimulateOptions {
  /** Whether the outcome tells what happened. Default: false. */
  isTraced?: boolean;
}

/** Runs one history, and checks the invariants after everything that happens. */
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

class Simulation implements Observer<Deployment>, Readers {
  readonly choices: Choices;
  readonly trace: Trace;
  readonly backend: Backend<Deployment>;
  conflicts = 0;
  private readonly loop: Loop;
  private readonly weather: ChosenWeather | LastingFaults;
  private readonly stream: LogStream;
  private readonly subscriptions: Subscriptions<Deployment>;
  private readonly clients: Clients;
  private readonly heartbeats: Heartbeats | null;
  private readonly paces = new Paces();
  readonly effects = new Effects(EFFECT_SECRET);
  private readonly trailingRuns = new TrailingRuns();
  private readonly watched = new Set<string>();
  /** Groups of which a recompute has died. */
  private readonly bereft = new Set<string>();
  private deployment: Deployment;
  private violation: Violation | null = null;
  private readonly calls = new Calls();
  /** Deliveries of the log stream, of which a stranger has a copy. */
  private readonly captured: SimulatedRequest[] = [];

  constructor(
    private readonly history: History,
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
    };
    this.stream = new LogStream(
      loop,
      STREAM_SECRET,
      (request) => {
        if (this.captured.length < MAX_CAPTURED) this.captured.push(request);
        return this.backend.fetch(EFFECTS_PATH, request);
      },
      () => weather.fate(),
      (events, status) => this.trace.add(() => `${events.length} lines delivered: ${status}`),
    );
    this.subscriptions = new Subscriptions(
      this.backend,
      (events) => this.send(events),
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

  /** @returns What was broken first; null when all is well. */
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
      if (this.violation !== null) break;
      await this.perform(step);
      this.checkAges();
    }
    if (this.violation !== null) return;
    if (this.deployment.release !== undefined) await this.perform({ do: "upgrade", turns: ALL_TURNS });
    if (this.heartbeats === null) await this.converge();
    else await this.convergeByHeartbeat();
    const mayLeave =
      this.violation === null && this.heartbeats === null && !this.deployment.transports.includes("client");
    if (mayLeave && this.deployment.isEvicting) await this.leave();
  }

  private checkAges(): void {
    for (const ended of this.subscriptions.results()) {
      if (isOfOldRelease(ended)) continue;
      this.check(() => checkAge(opened(ended).plain, this.loop.now, this.worstLagMs));
    }
  }

  /** How late marks may come: those of ages do with the heartbeat, when the sweeps that were to bring them have died. */
  private get worstLagMs(): number {
    return this.weather.worstLagMs + (this.heartbeats === null ? 0 : BEAT_EVERY_MS);
  }

  private checkAnswer(ended: Ended<Deployment>): void {
    if (isOfOldRelease(ended)) return;
    const { store } = this.backend;
    const { plain, seals } = opened(ended);
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
        for (const change of commit.changes) {
          if (change.table === "groups") checkClock(commit, change, this.deployment, this);
        }
        checkRows(this.backend.store, this.deployment, commit);
        checkArrival(commit);
      });
      this.heartbeats?.onCommit(commit);
    }
    this.subscriptions.onCommit(commit);
  }

  onEnd(kind: Kind, ended: Ended<Deployment>): void {
    this.trace.onEnd(kind, ended);
    if (isOfOldRelease(ended)) return;
    this.check(() => {
      this.paces.onEnd(ended);
      this.effects.onEnd(ended, this.backend.store);
      this.trailingRuns.onEnd(ended);
      checkHeard(ended, this.backend.store);
      if (kind === "mutation" && "error" in ended.result) this.checkError(ended, ended.result.error);
      else checkWrites(ended);
    });
  }

  onConflict(path: string, args: JSONValue, change: Change): void {
    this.conflicts++;
    this.trace.onConflict(path, change);
    if (this.deployment.release !== undefined) return;
    this.check(() => checkConflict(this.deployment, path, args, change));
  }

  onJobDeath({ name, args }: Job): void {
    this.trace.add(() => `${name} died`);
    if (name === TARGET) return;
    const group = this.groupOfJob(args);
    if (group !== undefined) this.bereft.add(group);
    if (name !== "lazy:sweep") this.heartbeats?.onDeath(group, this.deployment);
  }

  /** Runs whose actions have died heal by themselves, in their time. */
  onActionDeath({ args }: Job): void {
    this.heartbeats?.onDeath(this.groupOfJob(args), this.deployment);
  }

  /** Mutations throw only what the history makes them throw; and what conflicts too often tells its caller. */
  private checkError({ path, args, job }: Ended<Deployment>, error: Error): void {
    const { message } = error;
    // What an older release has scheduled, or an action of it calls, is refused.
    if (path.startsWith("lazy:") && isOfOtherForm(args)) return;
    const isOwn = path.startsWith("app:") && ["broken", "rolled back"].includes(message);
    const isContended = job === null && isOutOfRetries(error);
    must(isOwn || isContended, () => `${path} threw: ${message}`);
  }

  /** Keeps the first violation: what follows from it says nothing more. */
  private check(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.trace.add(() => `✗ ${error}`);
      this.violation ??= error instanceof Violation ? error : new Violation(String(error));
    }
  }

  private send(events: LogEvent[]): void {
    if (this.deployment.release === undefined) this.effects.onSend(events);
    this.stream.push(events.filter(({ line }) => !this.weather.isLost(line.message.replaceAll("'", ""))));
  }

  private async perform({ turns, ...act }: Step): Promise<void> {
    this.trace.add(() => `── ${JSON.stringify(act)}`);
    if (act.do === "wait") await this.loop.passUpTo(act.ms);
    else if (act.do === "wait until something is due")
      await this.loop.passUpTo(Math.min(this.loop.untilNext, LONGEST_WAIT_MS));
    else this.start(act);
    await this.loop.run(turns);
  }

  private start(act: Act): void {
    const call = this.calls.of(act);
    if (call?.kind === "mutation") {
      this.backend.mutation(call.path, call.args).catch(() => {}); // `onEnd` has seen it.
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
      case "invent":
        this.subscriptions.ask("app:read", { group: act.key });
        break;
      case "break":
        this.heartbeats?.onTrouble();
        this.backend.env = { ...this.backend.env, BROKEN: "yes" };
        break;
      case "mend":
        this.backend.env = { ...this.backend.env, BROKEN: undefined };
        // The log stream gets the effects of a query that throws; pages get nothing.
        if (this.deployment.transports.includes("client")) this.subscriptions.runFailedAgain();
        break;
      case "deploy":
        this.deploy({ version: 2 });
        break;
      case "upgrade":
        this.deploy({ release: undefined });
        break;
      case "fill the log":
        this.stream.fill();
        break;
      case "beat":
        this.beat();
        break;
      case "forge":
        this.forge(act);
    }
  }

  private deploy(change: Partial<Deployment>): void {
    this.heartbeats?.onTrouble();
    this.deployment = { ...this.deployment, ...change };
    this.backend.deploy(this.deployment);
  }

  /** A reader asks once, without watching: in an app without a log stream, on a new page. */
  private ask(group: string, client?: number): void {
    const isStreamed = this.deployment.transports.includes("logStream");
    if (client !== undefined) this.clients.ask(client, group);
    else if (isStreamed) this.subscriptions.ask("app:read", { group });
    else this.clients.askAnew(group);
  }

  private beat(): void {
    const { release } = this.deployment;
    this.backend.action("lazy:heartbeat", {}).catch((error) => {
      // What that of an older release calls may be refused.
      this.check(() => must(release !== undefined, () => `The heartbeat threw: ${error}`));
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
    void this.backend.fetch(EFFECTS_PATH, request).then(({ status }) => {
      if (this.deployment.release !== undefined) return;
      const expected = how === "unsigned request" ? 401 : 200;
      this.check(() => must(status === expected, () => `A forgery (${how}) got ${status}.`));
    });
  }

  /**
   * Writes stop, computes work, and what is under way arrives. Every row that is watched must become fresh without
   * anybody asking twice, but for those whose effects were lost, of which a recompute has died, or whose attempts were
   * used up. Those that a reader has asked for lately heal at the next heartbeat; others at the next write, if they
   * have a mark that it can set again; all of them when a reader asks once more.
   */
  private async converge(): Promise<void> {
    await this.endureBacklog();
    if (this.violation !== null) return;
    this.weather.clear();
    await this.calm("calm");
    await this.convergeByClients();
    if (this.violation !== null) return;
    const excused = new Map<string, "lost" | "died" | "used up">();
    for (const group of this.stale()) {
      if (this.paces.isUsedUp(group)) excused.set(group, "used up");
      else if (this.hasLostEffects(group)) excused.set(group, "lost");
      else if (this.isBereft(group)) excused.set(group, "died");
      else this.check(() => must(false, () => this.unsettled(group, "was watched")));
    }
    if (this.violation !== null) return;
    if (excused.size === 0) return this.replay();

    const patienceMs = this.deployment.isLimited ? TURN_PATIENCE_MS : PATIENCE_MS;
    await this.calm("the heartbeat's patience passes", patienceMs);
    this.start({ do: "beat" });
    await this.calm("the heartbeat");
    this.check(() => checkHealth(this.backend.store));
    for (const group of this.stale()) {
      const mayWait = excused.get(group) === "used up" || !this.wasAskedFor(group);
      this.check(() => must(mayWait, () => this.unsettled(group, "was asked for lately")));
    }
    if (this.violation !== null) return;

    await this.calm("the grace passes", this.longestGraceMs());
    for (const [i, list] of LISTS.entries()) {
      this.start({ do: "add", list, color: COLORS[i] as (typeof COLORS)[number] });
    }
    await this.calm("one more write");
    for (const group of this.stale()) {
      const mayWait = excused.get(group) === "used up" || !this.isReadAgainByWrites(group);
      this.check(() => must(mayWait, () => this.unsettled(group, "was written again")));
    }

    await this.askOnceMore();
  }

  private async askOnceMore(): Promise<void> {
    const isUsedUp = this.stale().some((group) => this.paces.isUsedUp(group));
    const asking = this.heartbeats === null ? this.stale() : this.allWatched();
    for (const group of asking) this.ask(group);
    // The answer for a missing row may be an old one, of the cache: its line counts beside that of a canary.
    this.beat();
    await this.calm("readers ask once more", isUsedUp ? LONG_CALM_MS : CALM_MS);
    for (const group of this.stale()) {
      this.check(() => must(false, () => this.unsettled(group, "was asked for again")));
    }
  }

  /** All is fresh, and a stranger sends again what the log stream sent long ago: nothing may come of it. */
  private async replay(): Promise<void> {
    if (hasAge(this.deployment.guard)) return; // Rows become stale by themselves.
    const captured = [...this.captured];
    await this.calm("what was delivered gets old", MAX_EVENT_AGE_MS + 1);
    const { store } = this.backend;
    const rows = [...rowsOf(store, store.latest).values()];
    if (!rows.every((row) => isClean(store, this.deployment, row, store.latest))) return;
    for (const request of captured) {
      void this.backend.fetch(EFFECTS_PATH, request).then(({ status }) => {
        this.check(() => must(status === 400, () => `A delivery that was sent again got ${status}.`));
      });
    }
    await this.calm("it is sent again");
  }

  /**
   * What a page is subscribed to becomes fresh, whatever its calls came to and its jobs died of: it forwards again what
   * it is still answered, within an hour.
   */
  private async convergeByClients(): Promise<void> {
    const isOnPages = (group: string) => this.clients.watched.has(group);
    const waiting = this.stale().filter(isOnPages);
    for (const group of waiting) {
      const hasArrived = this.effects.fateOf(group, this.seenOf(group)) === "arrived";
      const mustBe = hasArrived && !this.paces.isUsedUp(group) && !this.isBereft(group);
      this.check(() => must(!mustBe, () => this.unsettled(group, "was on a page")));
    }
    if (waiting.length === 0 || this.violation !== null) return;
    await this.calm("pages forward again", CLIENT_CALM_MS);
    for (const group of this.stale().filter(isOnPages)) {
      this.check(() => must(false, () => this.unsettled(group, "was on a page for an hour")));
    }
  }

  /**
   * Writes stop, computes work and jobs live, but half of all effects are lost still: each beat repairs what readers
   * had asked for in the last hour. The rest becomes fresh when effects get through again, and readers ask once more.
   */
  private async convergeByHeartbeat(): Promise<void> {
    if (this.weather instanceof LastingFaults) this.weather.spareJobs();
    await this.calm("no job dies any more", LAST_BEATS * BEAT_EVERY_MS);
    this.checkAges();
    this.weather.clear();
    if (this.violation === null) await this.askOnceMore();
  }

  /** Nobody watches any more: every row goes, in a view with `evictAfter`. */
  private async leave(): Promise<void> {
    this.subscriptions.stop();
    await this.calm("nobody watches", LONG_CALM_MS);
    const { store } = this.backend;
    const left = [...rowsOf(store, store.latest).keys()];
    this.check(() => must(left.length === 0, () => `Nobody asks for row ${left[0]}, and it is still there.`));
  }

  /**
   * Writes stop, and readers keep asking, while everything that is scheduled is still late: each row that is watched
   * must become fresh all the same, but for those of which a recompute has died, whose attempts were used up, or that do
   * not exist because their effects were lost.
   */
  private async endureBacklog(): Promise<void> {
    const lateMs = this.weather.clearAllButBacklog();
    if (lateMs === null) return;
    await this.perform({ do: "mend", turns: ALL_TURNS });
    this.trace.add(() => "── readers keep asking");
    const patienceMs = LONG_CALM_MS + 20 * lateMs;
    let waiting = this.stale();
    for (let ms = 0; ms < patienceMs && waiting.length > 0; ms += ASK_EVERY_MS) {
      for (const group of waiting) this.ask(group);
      await this.loop.pass(ASK_EVERY_MS);
      // Once is enough: a row that has an age is stale again and again.
      waiting = waiting.filter((group) => !this.isSettled(group));
    }
    for (const group of waiting) {
      // The answer for a row that is missing stays in the cache, and its line may be too old by now.
      const isCached = this.seenOf(group) === 0n && this.hasLostEffects(group);
      const mayWait = this.paces.isUsedUp(group) || this.isBereft(group) || isCached;
      this.check(() => must(mayWait, () => this.unsettled(group, "was asked for in a backlog")));
    }
  }

  /** Longer than the grace of each row: it doubles with each mark. */
  private longestGraceMs(): number {
    const { store } = this.backend;
    const rows = [...rowsOf(store, store.latest).values()];
    const marked = rows.map(({ dirtyAt = 0, nudgedAt = dirtyAt }) => nudgedAt - dirtyAt);
    return Math.max(...marked, 0) + GRACE_MS;
  }

  private async calm(what: string, ms = CALM_MS): Promise<void> {
    await this.perform({ do: "mend", turns: ALL_TURNS });
    this.trace.add(() => `── ${what}`);
    await this.loop.pass(ms);
    this.check(() => must(this.loop.running === 0, () => "A function never ends."));
  }

  /** The watched groups whose rows are not as fresh as they must be. */
  private stale(): string[] {
    return this.allWatched().filter((group) => !this.isSettled(group));
  }

  private allWatched(): string[] {
    return [...new Set([...this.watched, ...this.clients.watched])];
  }

  private isSettled(group: string): boolean {
    const { store } = this.backend;
    const row = rowsOf(store, store.latest).get(group);
    if (row === undefined) return false;
    if (isClean(store, this.deployment, row, store.latest)) return true;
    // A row that has an age is stale for a while again and again.
    return this.hasAgedOut(group) && this.loop.now - row.computedAt < 2 * WINDOW_MS + 60_000;
  }

  private hasAgedOut(group: string): boolean {
    const { store } = this.backend;
    const row = rowsOf(store, store.latest).get(group);
    return hasAge(this.deployment.guard) && row !== undefined && isOld(row) && row.dirtyAt === undefined;
  }

  /**
   * Whether a write to a group's items makes its readers run again, however long the row has been out of date. It does
   * not when there is no row, when only an age tells, and when readers do not look at the tags because the row is out
   * of date whatever they say.
   */
  private isReadAgainByWrites(group: string): boolean {
    const { store } = this.backend;
    const row = rowsOf(store, store.latest).get(group);
    const { guard, version } = this.deployment;
    if (row === undefined || guard === "aged" || this.hasAgedOut(group)) return false;
    return guard !== "tags" || (row.version === version && row.dirtyAt === undefined && row.seq === undefined);
  }

  isWatched(group: string, snapshot: number): boolean {
    // Without a log stream, calls that are not marked ask for nothing.
    const isStreamed = this.deployment.transports.includes("logStream");
    return isStreamed && this.subscriptions.isWatched("app:read", { group }, snapshot);
  }

  /** Whether a recompute of the group has died, or one that had the turn that it waits for. */
  isBereft(group: string): boolean {
    return this.deployment.isLimited ? this.bereft.size > 0 : this.bereft.has(group);
  }

  /** Whether the heartbeat looked at the group's row: there is one, that a reader had asked for lately. */
  private wasAskedFor(group: string): boolean {
    const { store } = this.backend;
    const askedAt = rowsOf(store, store.latest).get(group)?.askedAt ?? 0;
    return this.loop.now - askedAt < LATELY_MS;
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

  private hasLostEffects(group: string): boolean {
    return this.effects.fateOf(group, this.seenOf(group)) === "lost";
  }

  private seenOf(group: string): bigint {
    const { store } = this.backend;
    return rowsOf(store, store.latest).get(group)?.asOf ?? 0n;
  }

  private unsettled(group: string, after: string): string {
    const seen = this.seenOf(group);
    return (
      `Group ${group} ${after}, and its row (as of ${seen}) is still not fresh. ` +
      `Effects that asked for it: ${this.effects.fateOf(group, seen)}.`
    );
  }
}

/** Whether it ran the code of an older release: what that does is not looked at. */
function isOfOldRelease({ deployment }: Ended<Deployment>): boolean {
  return deployment.release !== undefined;
}

/** Whether the arguments of one of the library's functions are not those of this release. */
function isOfOtherForm(args: JSONValue): boolean {
  const { job } = args as { job?: { kind?: string } };
  // The canary of an older release.
  if (job?.kind === "note") return true;
  return !["job", "effects", "seals"].some((name) => name in (args as object));
}
