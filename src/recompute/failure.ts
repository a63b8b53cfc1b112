import type { Value } from "convex/values";
import { type Effect, ledgerKey } from "../effects/effect.js";
import { fail, findEntry } from "../effects/ledger.js";
import type { MutationExecution } from "../model/execution.js";
import { findRow, withdraw } from "../model/row.js";
import type { Entry } from "../schema.js";

/** What is recomputed: the name of a view, which may not be in the code any more, and a key. */
type Work = { view: string; args: unknown; byWrite?: boolean | undefined };

/** The effect under which the ledger knows a recompute. */
export function recomputeOf({ ledger }: MutationExecution, { view, args }: Work): Effect {
  return { target: ledger.recompute, args: { view, args: args as Value }, windowMs: 0 };
}

/** What the ledger remembers of a recompute. */
export function entryOf(execution: MutationExecution, work: Work): Promise<Entry | null> {
  return findEntry(execution.ledger.db, ledgerKey(recomputeOf(execution, work)));
}

/** Remembers a failure, and schedules the retry. */
export async function failAttempt(execution: MutationExecution, work: Work, error: unknown): Promise<"failed"> {
  await fail(execution.ledger, recomputeOf(execution, work), error, work);
  return "failed";
}

/** Lets readers ask for a row again whose view may not be in the code, nor its table in the schema. */
export async function withdrawUnknown(execution: MutationExecution, name: string, key: string): Promise<void> {
  const { db } = execution;
  try {
    const row = await findRow(db, { name }, key);
    await withdraw(db, { name }, row);
    execution.wakesReaders ||= row !== null;
  } catch {
    // The table is not in the schema any more.
  }
}
