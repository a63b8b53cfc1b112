import type { Transport } from "../../src/model/app.js";
import { type Deployment, GUARDS, type Guard, MODES, type Mode } from "./app.js";
import { type ChoiceSource, randomNumbers } from "./engine/choices.js";
import { type Part, READS, type Reads, viewsUnder } from "./trackedViews.js";
import { RELEASES, type Release } from "./upgrade.js";

/** The groups that items can be in: two lists, and two colors. */
export const LISTS = ["a", "b"] as const;
export const COLORS = ["x", "y"] as const;
export const GROUPS = [...LISTS, ...COLORS] as const;

type List = (typeof LISTS)[number];
type Color = (typeof COLORS)[number];
type Group = (typeof GROUPS)[number];
/** Groups that only an attacker names: they never have an item. */
const INVENTED = ["invented 1", "invented 2", "invented 3"] as const;

/** One event of a history. An item is named by its place in the order of insertion. */
export type Act =
  | { do: "refresh" | "evict" | "invalidate"; group: Group }
  /** With `client`: in that one of the pages that forward. */
  | { do: "subscribe" | "ask"; group: Group; client?: number }
  | { do: "leave"; group: Group; client: number }
  | { do: "invent"; key: (typeof INVENTED)[number] }
  | { do: "add"; list: List; color: Color }
  | { do: "move"; item: number; list: List }
  | { do: "remove" | "renumber"; item: number }
  /** Of a view under `groups`. */
  | { do: "part"; part: Part; group: Group; how: (typeof PART_CHANGES)[number] }
  | {
      do: "add both" | "add unawaited" | "add nested" | "add and roll back";
      list: List;
      color: Color;
    }
  | {
      do: "add around a refresh" | "add around a nested refresh";
      list: List;
      color: Color;
      group: Group;
    }
  | { do: "wait"; ms: number }
  | { do: "wait until something is due" }
  | { do: "break" | "mend" | "deploy" | "upgrade" | "fill the log" | "beat" }
  /** In an app whose tail reads the function log: a cron calls the tail, or the deployment restarts. */
  | { do: "call the tail" | "restart" | "accept the log key" }
  | { do: "refuse the log key"; status: 401 | 403 }
  | { do: "forge"; group: Group; how: Forgery };

/** A forged delivery: the route must refuse it, or it must start nothing. */
export type Forgery = "unsigned seal" | "changed seal" | "unsigned request";
const FORGERIES: readonly Forgery[] = ["unsigned seal", "changed seal", "unsigned request"];

/** An act, and how many turns all executions take before the next act. Unfinished work goes on beside it. */
export type Step = Act & { turns: number };

/**
 * Kinds of histories.
 * - `stream`: effects leave through the log stream.
 * - `clients`: pages forward effects, in an app that has no log stream, or one beside it.
 * - `upgrade`: the app begins on an older release of the library.
 * - `lasting faults`: half of all effects are lost for good, half of all jobs die, and a heartbeat runs.
 * - `tracked`: one of the kinds above, in an app whose views are tracked, or over other views.
 * - `tail`: one of the kinds above except `upgrade`, in an app whose tail reads the function log, mostly without a log
 *   stream.
 */
export const KINDS = ["stream", "clients", "upgrade", "lasting faults", "tracked", "tail"] as const;
export type Kind = (typeof KINDS)[number];
/** The kinds that `tracked` and `tail` build on. */
const PLAIN_KINDS = ["stream", "clients", "upgrade", "lasting faults"] as const;
const TAIL_KINDS: readonly Kind[] = ["stream", "stream", "stream", "tracked", "tracked", "clients", "lasting faults"];

/** The kind of a seed's history: a quarter of all are of the first kind, and a quarter are tracked. */
export function kindOf(seed: number): Kind {
  if (seed % 2 === 0) return seed % 4 === 0 ? "stream" : "tracked";
  return (["clients", "upgrade", "lasting faults", "tail"] as const)[((seed - 1) / 2) % 4] as Kind;
}

/** Everything that decides how a simulation goes. */
export interface History {
  guard: Guard;
  mode: Mode;
  isLeased: boolean;
  isLimited: boolean;
  isEvicting: boolean;
  isCompatible: boolean;
  /** How effects leave queries. Default: through the log stream. */
  transports?: readonly Transport[];
  /** The release that it begins on. Default: the current one. */
  release?: Release;
  hasLastingFaults?: boolean;
  /** What compute reads, in an app without sources. */
  reads?: Reads;
  /** Whether the bounds on dependencies are low: two rows share a dependency, and a row has two on a table. */
  isCrowded?: boolean;
  /** The completions that the function log keeps. Default: as many as Convex's. */
  logEntries?: number;
  /** Whether other functions run all the time. */
  isBusy?: boolean;
  /** Whether, after the end, an item is written without the library; audits must find the rows that it makes wrong. */
  isDrifting?: boolean;
  steps: Step[];
  choices: ChoiceSource;
}

/** More turns than any act needs. */
export const ALL_TURNS = 1_000_000;
const TURNS = [0, 0, 2, 6, 15, 40, 120, ALL_TURNS, ALL_TURNS];
const WAITS_MS = [10, 2_000, 5_000, 10_000, 25_000, 70_000];
const AROUND = ["add around a refresh", "add around a nested refresh"] as const;
const MAX_STEPS = 12;
/** The pages that may forward. */
const CLIENTS = 3;
const TRANSPORTS: readonly Transport[][] = [["client"], ["logStream", "client"], ["logStream"]];
/** Long enough that pages forward old answers late. */
const LONG_WAIT_MS = 3_700_000;
/** Long enough for a heartbeat. */
const BEAT_WAITS_MS = [300_000, 620_000];
/** In an app with a tail: about as long as a tail reads, or takes to close. */
const TAIL_WAITS_MS = [1_000, 4_000, 7_000, 9_500, 12_000, 18_000, 40_000];
/** A log that keeps few entries soon drops some. */
const LOG_SIZES = [undefined, undefined, 60, 25];
/** How long readers watch rows whose idle clock runs: parts or multiples of `evictAfter`. */
const WATCHES_MS = [31_000, 45_000, 95_000, 250_000];

const PART_CHANGES = ["ask", "refresh", "evict", "invalidate"] as const;
/** The guards of tracked views: those that depend on what compute has read, not on ages alone. */
const TRACKED_GUARDS: readonly Guard[] = ["sources", "sources", "expired", "computed", "both"];

/** The history of a seed. */
export function historyOf(seed: number, kind: Kind = "stream"): History {
  if (kind === "tracked") return trackedHistory(seed);
  if (kind === "tail") return tailHistory(seed);
  const random = randomNumbers(seed);
  const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const isUpgrade = kind === "upgrade";
  const hasLastingFaults = kind === "lasting faults";
  const choosable = kind === "clients" ? TRANSPORTS.slice(0, 2) : hasLastingFaults ? TRANSPORTS : [];
  const transports = choosable.length > 0 ? one(choosable) : undefined;
  const release = isUpgrade ? one(RELEASES) : undefined;
  // Release 0.1's app has no view of this guard.
  const guard = one(GUARDS.filter((each) => release !== "0.1" || each !== "applied and aged"));
  const client = () => ({ client: Math.floor(random() * CLIENTS) });
  // Without a log stream, only pages have effects forwarded.
  const byWhom = () => {
    if (!transports?.includes("client")) return {};
    return !transports.includes("logStream") || random() < 0.7 ? client() : {};
  };
  // Actions and pages cannot compute for a reader, and not inside a mutation.
  const isInQuery = (mode: Mode) => mode === "transaction" || mode === "snapshot";
  const mode = one(MODES.filter((each) => isInQuery(each) || guard !== "computed"));
  const canRefresh = isInQuery(mode) ? 1 : 0;
  // With few groups all acts concern the same rows; with all groups, acts must leave the rows of other groups alone.
  const lists = random() < 0.6 ? [one(LISTS)] : LISTS;
  const colors = random() < 0.6 ? [one(COLORS)] : COLORS;
  const groups = [...lists, ...colors];
  const acts: [weight: number, make: () => Act][] = [
    [4, () => ({ do: "subscribe", group: one(groups), ...byWhom() })],
    [1, () => ({ do: "ask", group: one(groups), ...byWhom() })],
    [8, () => ({ do: "add", list: one(lists), color: one(colors) })],
    [3, () => ({ do: "move", item: Math.floor(random() * 20), list: one(lists) })],
    [2, () => ({ do: "remove", item: Math.floor(random() * 20) })],
    [1, () => ({ do: "add both", list: one(lists), color: one(colors) })],
    [0.5, () => ({ do: "add unawaited", list: one(lists), color: one(colors) })],
    [1, () => ({ do: "add nested", list: one(lists), color: one(colors) })],
    [1, () => ({ do: "add and roll back", list: one(lists), color: one(colors) })],
    [2 * canRefresh, () => ({ do: one(AROUND), list: one(lists), color: one(colors), group: one(groups) })],
    [2 * canRefresh, () => ({ do: "refresh", group: one(groups) })],
    [1, () => ({ do: "evict", group: one(groups) })],
    [1, () => ({ do: "invalidate", group: one(groups) })],
    [5, () => ({ do: "wait", ms: one(WAITS_MS) })],
    [7, () => ({ do: "wait until something is due" })],
    [1, () => ({ do: "break" })],
    [1, () => ({ do: "mend" })],
    [1, () => ({ do: "deploy" })],
    [0.5, () => ({ do: "fill the log" })],
    [0.5, () => ({ do: "beat" })],
    [1, () => ({ do: "forge", group: one(groups), how: one(FORGERIES) })],
    [transports?.includes("client") ? 1 : 0, () => ({ do: "leave", group: one(groups), ...client() })],
    [kind === "clients" ? 0.5 : 0, () => ({ do: "wait", ms: LONG_WAIT_MS })],
    [hasLastingFaults ? 4 : 0, () => ({ do: "wait", ms: one(BEAT_WAITS_MS) })],
  ];
  const first: Step = { do: "subscribe", group: one(groups), ...byWhom(), turns: one(TURNS) };
  // Rows are computed before the faults begin.
  const before: Step[] = hasLastingFaults ? [{ do: "wait", ms: 25_000, turns: ALL_TURNS }] : [];
  const length = 2 + Math.floor(random() * (one([MAX_STEPS, MAX_STEPS, 3 * MAX_STEPS]) - 1));
  const history: History = {
    guard,
    mode,
    isLeased: random() < 0.3,
    isLimited: random() < 0.2,
    isEvicting: random() < 0.3,
    isCompatible: random() < 0.5,
    steps: [first, ...before, ...Array.from({ length }, () => ({ ...oneOf(acts, random), turns: one(TURNS) }))],
    choices: { seed },
    ...(transports && { transports }),
    ...(release && { release }),
    ...(hasLastingFaults && { hasLastingFaults }),
  };
  if (isUpgrade) {
    const at = 1 + Math.floor(random() * history.steps.length);
    history.steps.splice(at, 0, { do: "upgrade", turns: one(TURNS) });
  }
  return withIdleTimes(seed, history);
}

/** Adds longer watches of rows with an idle clock, and reads of invented keys. */
function withIdleTimes(seed: number, history: History): History {
  // Random numbers of their own: additions here change no other history, and leave the other choices of these.
  const random = randomNumbers(-3 - seed);
  if (!history.isEvicting || random() > 0.7) return history;
  const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const steps = history.steps.flatMap((step): Step[] => {
    const roll = random();
    if (roll < 0.15) return [step, { do: "wait", ms: one(WATCHES_MS), turns: one(TURNS) }];
    return roll < 0.25 ? [step, { do: "invent", key: one(INVENTED), turns: one(TURNS) }] : [step];
  });
  return { ...history, steps };
}

/** A history of one of the other kinds, in an app whose views are tracked. */
function trackedHistory(seed: number): History {
  const random = randomNumbers(-7 - seed);
  const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const history = historyOf(seed, one(["stream", "stream", ...PLAIN_KINDS] as const));
  // The apps of older releases do not fill boxes.
  const reads = one(READS.filter((each) => history.release === undefined || each !== "ids"));
  const parts = viewsUnder(reads);
  const groups = history.steps.flatMap((step) => ("group" in step ? [step.group] : []));
  const steps = history.steps.flatMap((step): Step[] => {
    const roll = random();
    const added: Act = { do: "renumber", item: Math.floor(random() * 5) };
    if (roll < 0.15) return [step, { ...added, turns: one(TURNS) }];
    if (roll > 0.35 || parts.length === 0) return [step];
    return [step, { do: "part", part: one(parts), group: one(groups), how: one(PART_CHANGES), turns: one(TURNS) }];
  });
  const guard = one(TRACKED_GUARDS);
  const isCrowded = random() < 0.4;
  return { ...history, mode: "transaction", guard, reads, isCrowded, isDrifting: random() < 0.2, steps };
}

/** A history of one of the other kinds, in an app whose tail reads the function log. */
function tailHistory(seed: number): History {
  const random = randomNumbers(-11 - seed);
  const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  let history = historyOf(seed, one(TAIL_KINDS));
  if (history.release !== undefined) history = historyOf(seed);
  const others = history.transports?.filter((each) => each !== "logStream") ?? [];
  const transports: Transport[] = random() < 0.2 ? ["logStream", "logTail", ...others] : ["logTail", ...others];
  const acts: [weight: number, make: () => Act][] = [
    [6, () => ({ do: "wait", ms: one(TAIL_WAITS_MS) })],
    [2, () => ({ do: "call the tail" })],
    [2, () => ({ do: "restart" })],
    [0.5, () => ({ do: "fill the log" })],
    [0.5, () => ({ do: "refuse the log key", status: one([401, 403]) })],
    [1, () => ({ do: "accept the log key" })],
  ];
  const steps = history.steps.flatMap((step): Step[] => {
    return random() < 0.4 ? [step, { ...oneOf(acts, random), turns: one(TURNS) }] : [step];
  });
  const logEntries = one(LOG_SIZES);
  const size = logEntries !== undefined ? { logEntries } : { isBusy: random() < 0.3 };
  return { ...history, transports, steps, ...size };
}

/** One of some acts, by their weights. */
function oneOf(acts: readonly (readonly [weight: number, make: () => Act])[], random: () => number): Act {
  let left = random() * acts.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, make] of acts) {
    left -= weight;
    if (left < 0) return make();
  }
  return { do: "mend" };
}

/** The code that a history begins with, and the code that it may deploy. */
export function deploymentsOf(history: History): [Deployment, Deployment] {
  const { guard, mode, reads, isLeased, isLimited, isEvicting, isCompatible, transports = ["logStream"] } = history;
  const common = {
    guard,
    mode,
    reads,
    isCrowded: history.isCrowded,
    isLeased,
    isLimited,
    isEvicting,
    isCompatible,
    transports,
  };
  return [
    { ...common, version: 1 },
    { ...common, version: 2 },
  ];
}
