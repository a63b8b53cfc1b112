import type { Value } from "convex/values";
import { type Effect, ledgerKey } from "../effects/effect.js";
import { fail, findEntry } from "../effects/ledger.js";
import type { MutationExecution } from "../model/execution.js";
import { findRow, withdraw } from "../model/row.js";
import type { Entry } from "../schema.js";

/** What is recomputed: a key of a view. The view may have been removed from the code. */
type Work = { view: string; args: unknown; byWrite?: boolean | undefined };

/** The effect whose key the ledger has for a recompute. */
export function recomputeOf({ ledger }: MutationExecution, { view, args }: Work): Effect {
  return { target: ledger.recompute, args: { view, args: args as Value }, windowMs: 0 };
}

/** The ledger's entry for a recompute. */
export function entryOf(execution: MutationExecution, work: Work): Promise<Entry | null> {
  return findEntry(execution.ledger.db, ledgerKey(recomputeOf(execution, work)));
}

/** Stores a failure, and schedules the retry. */
export async function failAttempt(execution: MutationExecution, work: Work, error: unknown): Promise<"failed"> {
  await fail(execution.ledger, recomputeOf(execution, work), error, work);
  return "failed";
}

/**
 * Withdraws the announcement of a recompute from a row, so that its readers ask again. Neither the view nor its table
 * need exist any more.
 */
export async function withdrawUnknown(execution: MutationExecution, name: string, key: string): Promise<void> {
  const { db } = execution;
  try {
    const row = await findRow(db, { name }, key);
    await withdraw(db, { name }, row);
    execution.wakesReaders ||= row !== null;
  } catch {
    // The table was removed from the schema.
  }
}
