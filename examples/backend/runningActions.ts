import { RequestError } from "./errors";
import type { Execution } from "./execution";
import type { FunctionContext } from "./modules";

/**
 * The actions and HTTP actions that run now. JavaScript cannot end their code, so an interrupted action fails for its
 * caller at once, and its code goes no further than to its next call of a function or its next timer.
 */
export class RunningActions {
  private readonly ends = new Map<Execution, (error: Error) => void>();

  /**
   * Runs an action's code.
   *
   * @throws What the code throws, or Convex's error for an action that was interrupted.
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

  /** Fails them all. */
  interrupt(): void {
    for (const [execution, end] of this.ends) {
      execution.interrupted = true;
      end(new RequestError("Transient error while executing action"));
    }
  }
}

/** A `ctx` whose functions never answer an interrupted action. */
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
