import type { ArgsAndOptions } from "convex/server";
import { collapse, type Effect, type EffectOptions, type EffectTarget, toEffect } from "./effect.js";

/**
 * Schedules an effect: a mutation or action to be run because of what this function saw.
 *
 * It returns nothing, adds no read dependency, and never changes what the function returns. Effects leave once, when
 * the function ends, also when it throws (a mutation that throws is rolled back with its effects). Repetitions inside
 * the window are dropped; with `trailing`, the target runs once more at its end. In a query, a mistake in the call is
 * logged as an error; in a mutation or action it throws.
 *
 * ```ts
 * ctx.scheduleEffect(internal.tracking.viewed, { doc }, { window: { minutes: 5 } });
 * ctx.scheduleEffect(internal.search.reindex, { doc }, { window: { minutes: 1 }, trailing: true });
 * ```
 */
export type ScheduleEffect = <Target extends EffectTarget>(
  target: Target,
  ...argsAndOptions: ArgsAndOptions<Target, EffectOptions>
) => void;

/** What `lazy.query`, `lazy.mutation` and `lazy.action` add to `ctx`. */
export interface EffectCtx {
  /** Schedules a mutation or action, also from a query. */
  scheduleEffect: ScheduleEffect;
}

/**
 * The effect part of a ctx, for custom functions of convex-helpers, which type their ctx as Convex's.
 *
 * ```ts
 * const userQuery = customQuery(query, customCtx(async (ctx) => ({
 *   ...effectsOf(ctx),
 *   user: await ctx.auth.getUserIdentity(),
 * })));
 * ```
 *
 * @throws Error when `ctx` does not come from `lazy.query`, `lazy.mutation` or `lazy.action`.
 */
export function effectsOf(ctx: object): EffectCtx {
  const { scheduleEffect } = ctx as Partial<EffectCtx>;
  if (scheduleEffect !== undefined) return { scheduleEffect };
  throw new Error("effectsOf was given a plain ctx; make the builder with lazy.query, lazy.mutation or lazy.action.");
}

/** Collects the effects of one execution. */
export class EffectCollector {
  private readonly effects: Effect[] = [];

  /** @param onMistake - Gets the error of a call of `scheduleEffect`. Without it, the call throws. */
  constructor(private readonly onMistake?: (error: unknown) => void) {}

  raise(effect: Effect): void {
    this.effects.push(effect);
  }

  /** The effects collected since the last call, each once. */
  take(): Effect[] {
    return collapse(this.effects.splice(0));
  }

  readonly scheduleEffect = ((...call: Parameters<typeof toEffect>) => {
    try {
      this.raise(toEffect(...call));
    } catch (error) {
      if (!this.onMistake) throw error;
      this.onMistake(error);
    }
  }) as ScheduleEffect;
}
