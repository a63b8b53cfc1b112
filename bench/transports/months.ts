import { dollars, PROFESSIONAL, type Prices } from "../../src/cli/advise/prices";
import { MAX_TAIL_MS } from "../../src/times";
import type { TailUse } from "./measure";
import type { TailUses } from "./tail";

/** The monthly quotas of a plan, and its prices beyond: docs.convex.dev/production/state/limits, as of PRICES_AS_OF. */
export interface Plan extends Prices {
  includedCalls: number;
  /** Database bandwidth: the bytes that functions read and write. */
  includedGB: number;
  /** Action compute: duration times memory. */
  includedGBHours: number;
  /** The price of a GB-hour, in dollars. */
  gbHour: number;
}

/** The plan Free includes the same amounts, and nothing beyond them can be bought. */
const STARTER: Plan = {
  databaseGB: 0.22,
  millionCalls: 2.2,
  gbHour: 0.33,
  includedCalls: 1_000_000,
  includedGB: 1,
  includedGBHours: 20,
};
const PRO: Plan = { ...PROFESSIONAL, gbHour: 0.3, includedCalls: 25_000_000, includedGB: 50, includedGBHours: 250 };
export const PLANS = { free: STARTER, professional: PRO };

/** The memory that Convex counts for an action of its own runtime, in GB: 64 MiB. */
export const ACTION_GB = 1 / 16;
const MONTH_S = 30 * 86_400;
/** The tail that ends stores its position, and this starts the next one. */
export const CALLS_A_HANDOVER = 2;
const HEARTBEAT_S = 5 * 60;

/** A month of the log tail. */
export interface Month extends TailUse {
  /** The load, in words. */
  load: string;
  gbHours: number;
  /** The share of what the plan Free includes: of calls or of GB-hours, whichever is larger. */
  ofFree: number;
  /** Dollars beyond what the plan includes. */
  dollarsStarter: number;
  dollarsProfessional: number;
}

/** Months of 30 days, from measured counts. In the first three, writes and heartbeats come far apart. */
export function monthsOf({ anIdleSecond, aHeartbeat, aWrite, aBusySecond }: TailUses): Month[] {
  const handovers = (MONTH_S * 1_000) / MAX_TAIL_MS;
  const busy = times(aBusySecond, MONTH_S);
  return [
    month("idle", times(anIdleSecond, MONTH_S)),
    month("a heartbeat each five minutes", times(aHeartbeat, MONTH_S / HEARTBEAT_S)),
    month("one write a minute", times(aWrite, MONTH_S / 60)),
    month("a hundred writes a second", { ...busy, calls: busy.calls + handovers * CALLS_A_HANDOVER }),
  ];
}

function month(load: string, use: TailUse): Month {
  const gbHours = (use.seconds * ACTION_GB) / 3_600;
  const price = (plan: Plan) => dollars({ bytes: 0, calls: use.calls }, plan) + gbHours * plan.gbHour;
  return {
    load,
    ...use,
    gbHours,
    ofFree: Math.max(use.calls / STARTER.includedCalls, gbHours / STARTER.includedGBHours),
    dollarsStarter: price(STARTER),
    dollarsProfessional: price(PRO),
  };
}

const times = ({ calls, seconds }: TailUse, count: number): TailUse => ({
  calls: calls * count,
  seconds: seconds * count,
});
