import { type Deployment, GUARDS, type Guard, MODES, type Mode } from "./app.js";
import { type ChoiceSource, randomNumbers } from "./engine/choices.js";

/** The groups that items can be in: two lists, and two colors. */
export const LISTS = ["a", "b"] as const;
export const COLORS = ["x", "y"] as const;
export const GROUPS = [...LISTS, ...COLORS] as const;

type List = (typeof LISTS)[number];
type Color = (typeof COLORS)[number];
type Group = (typeof GROUPS)[number];
/** Keys that a stranger makes up: no item is ever in them. */
const INVENTED = ["invented 1", "invented 2", "invented 3"] as const;

/** What happens next. An item is named by its place among those that were ever added. */
export type Act =
  | { do: "subscribe" | "ask" | "refresh" | "evict" | "invalidate"; group: Group }
  | { do: "invent"; key: (typeof INVENTED)[number] }
  | { do: "add"; list: List; color: Color }
  | { do: "move"; item: number; list: List }
  | { do: "remove"; item: number }
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
  | { do: "break" | "mend" | "deploy" | "fill the log" | "beat" }
  | { do: "forge"; group: Group; how: Forgery };

/** A delivery that the route must refuse, or that must start nothing. */
export type Forgery = "unsigned seal" | "changed seal" | "unsigned request";
const FORGERIES: readonly Forgery[] = ["unsigned seal", "changed seal", "unsigned request"];

/** An act, and how many turns everybody takes before the next one: what is not done by then goes on beside it. */
export type Step = Act & { turns: number };

/** Everything that decides how a simulation goes. */
export interface History {
  guard: Guard;
  mode: Mode;
  isLeased: boolean;
  isLimited: boolean;
  isEvicting: boolean;
  isCompatible: boolean;
  steps: Step[];
  choices: ChoiceSource;
}

/** Turns that are enough for everything. */
export const ALL_TURNS = 1_000_000;
const TURNS = [0, 0, 2, 6, 15, 40, 120, ALL_TURNS, ALL_TURNS];
const WAITS_MS = [10, 2_000, 5_000, 10_000, 25_000, 70_000];
const AROUND = ["add around a refresh", "add around a nested refresh"] as const;
const MAX_STEPS = 12;
/** Pauses in which readers watch rows whose idle clock runs: for parts of `evictAfter`, or for a few times of it. */
const WATCHES_MS = [31_000, 45_000, 95_000, 250_000];

/** The history of a seed. */
export function historyOf(seed: number): History {
  const random = randomNumbers(seed);
  const one = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const guard = one(GUARDS);
  // Actions and pages cannot compute for a reader, and not inside a mutation.
  const isInQuery = (mode: Mode) => mode === "transaction" || mode === "snapshot";
  const mode = one(MODES.filter((each) => isInQuery(each) || guard !== "computed"));
  const canRefresh = isInQuery(mode) ? 1 : 0;
  // With few groups everything meets; with all of them, what should not meet can be seen not to.
  const lists = random() < 0.6 ? [one(LISTS)] : LISTS;
  const colors = random() < 0.6 ? [one(COLORS)] : COLORS;
  const groups = [...lists, ...colors];
  const acts: [weight: number, make: () => Act][] = [
    [4, () => ({ do: "subscribe", group: one(groups) })],
    [1, () => ({ do: "ask", group: one(groups) })],
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
  ];
  const total = acts.reduce((sum, [weight]) => sum + weight, 0);
  const act = () => {
    let left = random() * total;
    for (const [weight, make] of acts) {
      left -= weight;
      if (left < 0) return make();
    }
    return { do: "mend" as const };
  };
  const first: Step = { do: "subscribe", group: one(groups), turns: one(TURNS) };
  const length = 2 + Math.floor(random() * (one([MAX_STEPS, MAX_STEPS, 3 * MAX_STEPS]) - 1));
  return withIdleTimes(seed, {
    guard,
    mode,
    isLeased: random() < 0.3,
    isLimited: random() < 0.2,
    isEvicting: random() < 0.3,
    isCompatible: random() < 0.5,
    steps: [first, ...Array.from({ length }, () => ({ ...act(), turns: one(TURNS) }))],
    choices: { seed },
  });
}

/** Rows with an idle clock are watched for longer, and strangers invent keys. */
function withIdleTimes(seed: number, history: History): History {
  // Apart from the other choices: what is added here changes no other history, nor all of these.
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

/** The code that a history begins with, and the one that it may deploy. */
export function deploymentsOf(history: History): [Deployment, Deployment] {
  const { guard, mode, isLeased, isLimited, isEvicting, isCompatible } = history;
  const common = { guard, mode, isLeased, isLimited, isEvicting, isCompatible };
  return [
    { ...common, version: 1 },
    { ...common, version: 2 },
  ];
}
