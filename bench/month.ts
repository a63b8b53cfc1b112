import { dollars } from "../src/cli/advise/prices";
import type { Transport } from "../src/model/app";
import { MAX_TAIL_MS } from "../src/times";
import type { Amounts } from "./costs/meter";
import { DASHBOARD } from "./costs/scenarios";
import { countSlowForwards } from "./slowServer";
import { ACTION_GB, CALLS_A_HANDOVER, PLANS, type Plan } from "./transports/months";
import type { TailUses } from "./transports/tail";

/*
 * A month of an app with dashboards, computed from an hour of work and an hour at night on the model of Convex. The
 * model has a log stream. For another transport, the log stream's calls are subtracted, and that transport's are added.
 */

const DAYS = 30;
const HOURS_OF_WORK = 8;
const HOURS_OF_NIGHT = 24 - HOURS_OF_WORK;

/** What the app's users do, as the documentation describes it. */
export const TRAFFIC = {
  airports: DASHBOARD.keys,
  flights: DASHBOARD.itemsPerKey,
  openDashboards: DASHBOARD.open,
  dailyUsers: DASHBOARD.opened * HOURS_OF_WORK,
  days: DAYS,
  hoursOfWork: HOURS_OF_WORK,
  hoursOfWorkAMonth: DAYS * HOURS_OF_WORK,
  hoursOfNightAMonth: DAYS * HOURS_OF_NIGHT,
  heartbeatMinutes: 60 / DASHBOARD.heartbeats,
};

/** The library's transports, in the order of the documentation. */
export const TRANSPORTS = ["logTail", "logStream", "client"] as const satisfies Transport[];

/** What a month takes. */
export interface MonthlyUse {
  calls: number;
  documents: number;
  gigabytes: number;
  gbHours: number;
}

export interface MonthOfApp extends MonthlyUse {
  /** Dollars beyond what each plan includes, without the price of the plan itself. */
  dollarsStarter: number;
  dollarsProfessional: number;
  /** The month's use as a multiple of what the plan Free includes: the largest of the shares. */
  timesFree: number;
}

/** A measured hour, with its writes and recomputes. */
export type Hour = Amounts & { writes: number; recomputes: number };

/** The measured costs of the transports. */
export interface TransportUse {
  tail: TailUses;
  /** Forwarding calls of clients, for each stale row. */
  forwards: number;
}

/** The number of clients with an open dashboard that forward one stale row: the mean over the seeds. */
export async function measureForwardsOfDashboards(seeds = 20): Promise<number> {
  let forwards = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    forwards += await countSlowForwards({ clients: DASHBOARD.open, latencyMs: 100, seed });
  }
  return forwards / seeds;
}

/** A month without a view, whose functions need no transport. */
export function monthWithout(work: Hour): MonthOfApp {
  return priced(times(takenIn(work), DAYS * HOURS_OF_WORK));
}

/** The use of a month's heartbeats and their audits. */
export const heartbeatsOf = (night: Hour): MonthlyUse => times(takenIn(night), DAYS * 24);

/** A month with a view. */
export function monthWith(transport: Transport, hours: { work: Hour; night: Hour }, use: TransportUse): MonthOfApp {
  const work = carriedBy(transport, hours.work, use, { isNight: false });
  const night = carriedBy(transport, hours.night, use, { isNight: true });
  const ofWork = times(work, DAYS * HOURS_OF_WORK);
  const atNight = times(night, DAYS * HOURS_OF_NIGHT);
  return priced(sum(ofWork, atNight));
}

/** As Convex bills it: each answer of a query is a call, also from the cache. */
function takenIn(amounts: Amounts): MonthlyUse {
  return {
    calls: amounts.functionCalls - amounts.queries + amounts.answers,
    documents: amounts.documentsRead + amounts.documentsWritten,
    gigabytes: (amounts.bytesRead + amounts.bytesWritten) / 1e9,
    gbHours: 0,
  };
}

function carriedBy(
  transport: Transport,
  hour: Hour,
  { tail, forwards }: TransportUse,
  { isNight }: { isNight: boolean },
): MonthlyUse {
  const use = takenIn(hour);
  if (transport === "logStream") return use;
  const { deliveries, dispatches } = hour;
  const withoutTransport = { ...use, calls: use.calls - deliveries - dispatches };
  // At most one canary for each heartbeat, and one effect for each recompute: a leased row needs none.
  if (transport === "client")
    return plus(withoutTransport, { calls: (hour.recomputes + DASHBOARD.heartbeats) * forwards });
  if (isNight) {
    const { calls, seconds } = tail.aHeartbeat;
    return plus(
      withoutTransport,
      tailed({ calls: calls * DASHBOARD.heartbeats, seconds: seconds * DASHBOARD.heartbeats }),
    );
  }
  // Writes are so frequent that the tail never ends: it hands over, and dispatches each recompute.
  const handovers = 3_600_000 / MAX_TAIL_MS;
  const calls = hour.recomputes + DASHBOARD.heartbeats + handovers * CALLS_A_HANDOVER;
  return plus(withoutTransport, tailed({ calls, seconds: 3_600 }));
}

const tailed = ({ calls, seconds }: { calls: number; seconds: number }) => ({
  calls,
  gbHours: (seconds * ACTION_GB) / 3_600,
});

function priced(use: MonthlyUse): MonthOfApp {
  const { free, professional } = PLANS;
  const shares = [use.calls / free.includedCalls, use.gigabytes / free.includedGB, use.gbHours / free.includedGBHours];
  return {
    ...use,
    timesFree: Math.max(...shares),
    dollarsStarter: price(use, free),
    dollarsProfessional: price(use, professional),
  };
}

/** The price of the use beyond a plan, in dollars. */
function price({ calls, gigabytes, gbHours }: MonthlyUse, plan: Plan): number {
  const beyond = (used: number, included: number) => Math.max(0, used - included);
  const bytes = beyond(gigabytes, plan.includedGB) * 1e9;
  return (
    dollars({ bytes, calls: beyond(calls, plan.includedCalls) }, plan) +
    beyond(gbHours, plan.includedGBHours) * plan.gbHour
  );
}

const map = (use: MonthlyUse, to: (name: keyof MonthlyUse) => number): MonthlyUse =>
  Object.fromEntries(
    (Object.keys(use) as (keyof MonthlyUse)[]).map((name) => [name, to(name)]),
  ) as unknown as MonthlyUse;
const times = (use: MonthlyUse, count: number) => map(use, (name) => use[name] * count);
const sum = (a: MonthlyUse, b: MonthlyUse) => map(a, (name) => a[name] + b[name]);
const plus = (use: MonthlyUse, more: Partial<MonthlyUse>) => map(use, (name) => use[name] + (more[name] ?? 0));
