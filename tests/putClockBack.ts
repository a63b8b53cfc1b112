import type { TestApp } from "./testApp.js";

const DAY = 24 * 3_600_000;
const TABLES = ["totals", "lazyEffects", "lazySweeps", "lazyRuns", "lazyPages", "lazyTurns"];

/**
 * Moves all stored times a day ahead, which has the same effect as putting back the deployment's clock by a day. The
 * clock under convex-test cannot be put back.
 */
export async function putClockBack(t: Pick<TestApp["t"], "run">): Promise<void> {
  await t.run(async (ctx) => {
    for (const table of TABLES) {
      for (const { _id, _creationTime, ...fields } of await ctx.db.query(table).collect()) {
        await ctx.db.patch(_id, aDayOn(fields) as typeof fields);
      }
    }
  });
}

function aDayOn(value: unknown): unknown {
  if (typeof value === "number") return value > Date.UTC(2020) ? value + DAY : value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, aDayOn(each)]));
}
