import type { GenericId } from "convex/values";
import { deleteExpired } from "../effects/ledger.js";
import { finishSweep, hasDue, type Sweep, scheduleSweep, sweepWhenDue } from "../effects/sweep.js";
import { askSnapshot, type LazyApp, ledgerOf } from "../model/app.js";
import type { MutationExecution } from "../model/execution.js";
import { isNearlyOut } from "../model/limits.js";
import { lookAgain } from "../model/row.js";
import { lookAtRun } from "../recompute/run.js";
import { lookAtTurn } from "../recompute/turns.js";
import type { AnyMutationCtx, StoredRow } from "../schema.js";
import { RETRY_SWEEP_MS } from "../times.js";
import { withExecution } from "./builders.js";

/**
 * A sweep of what is due in a table:
 *
 * 1. What is due is looked up through a stale snapshot, at most a hundred documents.
 * 2. Each is looked at on its own. One that changed meanwhile is left alone.
 * 3. Something is left → go on in another transaction: at once, or a little later when the snapshot was too old to
 *    show it. Nothing is left → the sweep is over.
 */
export async function sweepDue(app: LazyApp, ctx: AnyMutationCtx, sweep: Sweep): Promise<{ swept: number }> {
  const ledger = ledgerOf(app, ctx);
  const { table, sweepAt } = sweep;
  const isOwn = ["lazyEffects", "lazyRuns", "lazyTurns"].includes(table);
  if (!isOwn && !app.views.has(table)) {
    await finishSweep(ledger.db, sweep); // A view that is not in the code any more.
    return { swept: 0 };
  }
  const due = await askSnapshot<GenericId<string>[]>(app, ctx, { kind: "due", table, sweepAt });
  const swept = await withExecution(app, ctx, async (execution) => {
    let count = 0;
    for (const id of due) {
      if (count > 0 && (await isNearlyOut(ctx))) break;
      await lookAt(execution, sweep, id);
      count++;
    }
    return count;
  });
  if (await hasDue(ledger.db, sweep)) {
    const restMs = swept > 0 ? 0 : RETRY_SWEEP_MS;
    await scheduleSweep(ledger, Date.now() + restMs, { kind: "due", table, sweepAt });
  } else await finishSweep(ledger.db, sweep);
  return { swept };
}

async function lookAt(execution: MutationExecution, { table, sweepAt }: Sweep, id: GenericId<string>): Promise<void> {
  const { ledger, db, app } = execution;
  if (table === "lazyEffects") return await deleteExpired(ledger.db, id as never, sweepAt);
  const found = (await db.get(table, id)) as { expiresAt?: number } | null;
  if (found?.expiresAt === undefined || found.expiresAt > sweepAt) return;
  if (table === "lazyRuns") return await lookAtRun(execution, id as never);
  if (table === "lazyTurns") return await lookAtTurn(execution, found as Parameters<typeof lookAtTurn>[1]);
  const view = app.views.get(table);
  if (view === undefined) return;
  const expiresAt = await lookAgain(db, view, found as StoredRow, sweepAt);
  if (expiresAt !== undefined) await sweepWhenDue(ledger, table, { expiresAt, now: sweepAt });
}
