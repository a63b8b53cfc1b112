import { RequestError } from "./errors";
import type { Execution } from "./execution";
import type { FunctionContext } from "./modules";

/**
 * The running actions and HTTP actions. JavaScript cannot stop their code. So an interrupted action fails for its
 * caller at once, and its code stops at its next call of a function or its next timer.
 */
export class RunningActions {
  private readonly ends = new Map<Execution, (error: Error) => void>();

  /**
   * Runs an action's code.
   *
   * @throws The code's own error, or Convex's error for an interrupted action.
   */
  async run(
    execution: Execution,
    ctx: FunctionContext,
    work: (ctx: FunctionContext) => Promise<unknown>,
  ): Promise<unknown> {
    const interrupted = new Promise<never>((_, reject) => this.ends.set(execution, reject));
    try {
      return await Promise.race([work(guard(ctx, execution)), interrupted]);
    } finally {
      this.ends.delete(execution);
    }
  }

  /** Fails all running actions. */
  interrupt(): void {
    for (const [execution, end] of this.ends) {
      execution.interrupted = true;
      end(new RequestError("Transient error while executing action"));
    }
  }
}

/** Wraps a `ctx`, so that its functions never return to an interrupted action. */
function guard(ctx: FunctionContext, execution: Execution): FunctionContext {
  const guarded = { ...ctx };
  for (const name of ["runQuery", "runMutation", "runAction"] as const) {
    const run = ctx[name];
    if (run === undefined) continue;
    guarded[name] = async (...args) => {
      if (execution.interrupted) return await never();
      try {
        return await run(...args);
      } finally {
        if (execution.interrupted) await never();
      }
    };
  }
  return guarded;
}

function never(): Promise<never> {
  return new Promise(() => {});
}
