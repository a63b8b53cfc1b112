/**
 * Convex's list prices for use beyond the amounts that a plan includes, in US dollars, for regions in the US, from
 * https://docs.convex.dev/production/state/limits on `PRICES_AS_OF`. Regions in the EU cost 1.3 times as much.
 */
export interface Prices {
  /** For 10⁹ bytes that functions read from the database or write to it. */
  databaseGB: number;
  /** For a million calls of functions. */
  millionCalls: number;
}

export const PRICES_AS_OF = "22 August 2026";

/** The prices of the plan Professional beyond the 50 GB and 25,000,000 calls a month that it includes. */
export const PROFESSIONAL: Prices = { databaseGB: 0.2, millionCalls: 2 };

/** What this use costs at list prices. */
export function dollars(use: { bytes: number; calls: number }, prices: Prices = PROFESSIONAL): number {
  return (use.bytes / 1e9) * prices.databaseGB + (use.calls / 1e6) * prices.millionCalls;
}
