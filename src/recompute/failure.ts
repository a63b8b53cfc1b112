import type { Value } from "convex/values";
import { ledgerKey } from "../effects/effect.js";
import { fail } from "../effects/ledger.js";
import type { MutationExecution } from "../model/execution.js";
import type { Attempt, RecomputeOutcome } from "../model/jobs.js";
import { findRow, withdraw } from "../model/row.js";
import type { Entry } from "../schema.js";
import { canonicalText } from "../values/canonical.js";

type Work = Pick<Attempt, "view" | "args" | "byWrite">;

/** The ledger's key of a recompute. */
export function ledgerText({ ledger }: MutationExecution, { view, args }: Work): string {
  return ledgerKey({ target: ledger.recompute, args: { view, args }, windowMs: 0 });
}

/** Remembers a failure, and schedules the retry. */
export async function failAttempt(
  execution: MutationExecution,
  { view, args, byWrite }: Work,
  entry: Entry | null,
  error: unknown,
): Promise<RecomputeOutcome> {
  const { ledger } = execution;
  const again = { kind: "attempt", view, args, ...(byWrite && { byWrite }) };
  const retry = (start: object) => ({ job: { ...again, start } }) as Record<string, Value>;
  const work = { key: ledgerText(execution, { view, args }), target: ledger.recompute, retry };
  await fail(ledger, work, entry, error);
  return "failed";
}

/**
 * Nothing will recompute the row, as its view is not in the code, or its key does not fit it. Should they come back,
 * its readers must ask.
 */
export async function failForGood(
  execution: MutationExecution,
  job: Attempt,
  entry: Entry | null,
  reason: unknown,
): Promise<RecomputeOutcome> {
  const { ledger } = execution;
  await withdrawUnknown(execution, job.view, canonicalText(job.args));
  await fail(ledger, { key: ledgerText(execution, job), target: ledger.recompute }, entry, reason);
  return "failed";
}

/** Lets the readers ask of a row whose view may not be in the code, nor its table in the schema. */
export async function withdrawUnknown({ db }: MutationExecution, name: string, key: string): Promise<void> {
  try {
    const row = await findRow(db, { name }, key);
    if (row !== null) await withdraw(db, { name }, row);
  } catch {
    // The table is not in the schema any more.
  }
}
