import type { Value } from "convex/values";
import { ledgerKey } from "../effects/effect.js";
import { fail, findEntry } from "../effects/ledger.js";
import type { MutationExecution } from "../model/execution.js";
import type { Attempt } from "../model/jobs.js";
import { findRow, withdraw } from "../model/row.js";
import type { Entry } from "../schema.js";

type Work = Pick<Attempt, "view" | "args"> & { byWrite?: boolean | undefined };

/** How the ledger knows a recompute. */
export function ledgerWork({ ledger }: MutationExecution, { view, args }: Work) {
  const target = ledger.recompute;
  return { key: ledgerKey({ target, args: { view, args }, windowMs: 0 }), target };
}

/** What the ledger remembers of a recompute. */
export function entryOf(execution: MutationExecution, work: Work): Promise<Entry | null> {
  return findEntry(execution.ledger.db, ledgerWork(execution, work).key);
}

/** Remembers a failure, and schedules the retry. */
export async function failAttempt(execution: MutationExecution, work: Work, error: unknown): Promise<"failed"> {
  const { view, args, byWrite } = work;
  const { ledger } = execution;
  const known = ledgerWork(execution, work);
  const retry = (start: object) => ({ job: { kind: "attempt", view, args, byWrite, start } as Value });
  await fail(ledger, { ...known, retry }, await findEntry(ledger.db, known.key), error);
  return "failed";
}

/** Lets the readers ask of a row whose view may not be in the code, nor its table in the schema. */
export async function withdrawUnknown({ db }: MutationExecution, name: string, key: string): Promise<void> {
  try {
    const row = await findRow(db, { name }, key);
    if (row) await withdraw(db, { name }, row);
  } catch {
    // The table is not in the schema any more.
  }
}
