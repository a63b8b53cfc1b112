import { dollars, PROFESSIONAL, type Prices } from "../../src/cli/advise/prices";
import { MAX_TAIL_MS } from "../../src/times";
import type { TailUse } from "./measure";
import type { TailUses } from "./tail";

/** What a plan includes each month, and what each more costs: docs.convex.dev/production/state/limits, as of PRICES_AS_OF. */
export interface Plan extends Prices {
  includedCalls: number;
  /** Of the database: what functions read and write. */
  includedGB: number;
  /** Of actions: their seconds, times their memory. */
  includedGBHours: number;
  /** In dollars. */
  gbHour: number;
}

/** The plan Free includes the same, and has no more of it. */
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
/** What ends notes how far it has come, which starts the next one. */
export const CALLS_A_HANDOVER = 2;
const HEARTBEAT_S = 5 * 60;

/** A month of the log tail. */
export interface Month extends TailUse {
  /** What is read or written, or not. */
  load: string;
  gbHours: number;
  /** How much of what the plan Free includes: the larger of the shares of calls and of GB-hours. */
  ofFree: number;
  /** Beyond what the plan includes. */
  dollarsStarter: number;
  dollarsProfessional: number;
}

/** Months of 30 days by measured counts: each write and heartbeat of the first three is on its own. */
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
