import type { ArgsAndOptions } from "convex/server";
import type { Value } from "convex/values";
import { collapse, type Effect, type EffectOptions, type EffectTarget, toEffect } from "./effect.js";

/**
 * Schedules an effect: a mutation or action to be run because of what this function saw.
 *
 * Fire and forget: it returns nothing, adds no read dependency, and never changes what the function returns.
 * Effects leave once, when the function ends, also when it throws (a mutation that throws is rolled back with
 * its effects). Repetitions inside the window are dropped. In a query, a mistake in the call is written to the
 * console and the query goes on; in a mutation or action it throws.
 *
 * ```ts
 * ctx.scheduleEffect(internal.tracking.viewed, { doc }, { window: { minutes: 5 } });
 * ```
 */
export type ScheduleEffect = <Target extends EffectTarget>(
  target: Target,
  ...argsAndOptions: ArgsAndOptions<Target, EffectOptions>
) => void;

/** What `lazy.query`, `lazy.mutation` and `lazy.action` add to `ctx`. */
export interface EffectCtx {
  scheduleEffect: ScheduleEffect;
}

/**
 * The effect part of a ctx, to be handed on by custom functions of convex-helpers, which type their ctx as Convex's.
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
  if (scheduleEffect === undefined) {
    throw new Error("effectsOf was given a plain ctx; make the builder with lazy.query, lazy.mutation or lazy.action.");
  }
  return { scheduleEffect };
}

/** Collects the effects of one execution. */
export class EffectCollector {
  private effects: Effect[] = [];

  /** @param onMistake - Told what is wrong with a call; `scheduleEffect` itself does not throw. */
  constructor(private readonly onMistake: (error: unknown) => void) {}

  raise(effect: Effect): void {
    this.effects.push(effect);
  }

  /** The effects collected since the last call, each once. */
  take(): Effect[] {
    const taken = this.effects;
    this.effects = [];
    return taken.length > 1 ? collapse(taken) : taken;
  }

  readonly scheduleEffect = ((target: EffectTarget, args?: Record<string, Value>, options?: EffectOptions) => {
    try {
      this.raise(toEffect(target, args, options));
    } catch (error) {
      this.onMistake(error);
    }
  }) as ScheduleEffect;
}
