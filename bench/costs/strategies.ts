import type { StrategyName } from "./app";

/** A way of keeping a derived value fresh, and how it is used. */
export interface Strategy {
  name: StrategyName;
  label: string;
  /** The staleness that the strategy allows, in ms; 0 when each answer is current. */
  promiseMs: number;
  /** Whether it is a form of this library's view. */
  isLazy?: boolean;
  /** Whether readers ask an action, not a query. */
  isAction?: boolean;
  /** The interval of its cron, in ms. */
  cronMs?: number;
  /** Whether clients that see a stale value ask for a new one. */
  hasRoundTrip?: boolean;
}

/** The staleness that a lazy view with the default window allows, in ms. */
const LAZY_MS = 10_000;

const lazy = (name: StrategyName, label: string, promiseMs = LAZY_MS): Strategy => ({
  name,
  label: `lazy view: ${label}`,
  promiseMs,
  isLazy: true,
});
const other = (
  name: StrategyName,
  label: string,
  promiseMs: number,
  use: Omit<Strategy, "name" | "label" | "promiseMs"> = {},
): Strategy => ({ name, label, promiseMs, ...use });

export const DEFAULTS = lazy("lazy", "sources");

export const TRACKED = lazy("lazyTracked", "tracked");

export const LEASED = lazy("lazyLeased", "leased");

export const LAZY_FORMS: readonly Strategy[] = [
  DEFAULTS,
  TRACKED,
  lazy("lazySnapshot", "snapshot"),
  LEASED,
  lazy("lazyApplied", "applyChange", 0),
  lazy("lazyProbed", "changed(probe)"),
  lazy("lazyProbedSnapshot", "changed(probe), snapshot"),
  lazy("lazyAged", "olderThan(10 s)", LAZY_MS + 10_000),
];

export const OTHERS: readonly Strategy[] = [
  other("inQuery", "compute in the query", 0),
  other("triggerRecompute", "recompute in a trigger", 0),
  other("triggerCounter", "counter in a trigger", 0),
  other("aggregate", "aggregate", 0),
  other("aggregateQueued", "aggregate, queued", 5_000),
  other("actionCache", "action-cache, 10 s", 10_000, { isAction: true }),
  other("cron", "cron, 10 s", 10_000, { cronMs: 10_000 }),
  other("roundTrip", "client round trip", 5_000, { hasRoundTrip: true }),
];

/** Only the writes to the source. */
export const BARE = other("bare", "writes alone", 0);

export const PAGED = lazy("lazyPaged", "paged");
export const PAGED_APPLIED = lazy("lazyPagedApplied", "paged, applyChange", 0);
export const PATIENT = lazy("lazyPatient", "tracked, a window of 5 minutes", 300_000);
export const COMPUTED = lazy("lazyComputed", 'onMissing: "compute"');
export const LEASED_SNAPSHOT = lazy("lazyLeasedSnapshot", "leased, snapshot");

const ALL = [...LAZY_FORMS, ...OTHERS, BARE, PAGED, PAGED_APPLIED, PATIENT, COMPUTED, LEASED_SNAPSHOT];

/** @throws Error when no strategy has that name. */
export function strategy(name: string): Strategy {
  const found = ALL.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no strategy "${name}".`);
  return found;
}
