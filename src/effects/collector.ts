import type { ArgsAndOptions } from "convex/server";
import { collapse, type Effect, type EffectOptions, type EffectTarget, toEffect } from "./effect.js";

/**
 * Schedules an effect: asks the deployment to run a mutation or action, the *target*. Queries can call it, too.
 *
 * The call returns nothing, adds no read dependency, and does not change what the function returns. When the function
 * ends, its effects leave together, each once. They leave also when a query or action throws; a mutation that throws
 * is rolled back, with its effects. A cached result of a query raises its effects again, and an effect may be lost on
 * its way, so the target should look at the data again before it acts.
 *
 * The target of equal effects starts once in their *window*; repetitions are dropped, unless the option `trailing` is
 * given. A mistake in the call throws in a mutation or action. In a query, it is logged as an error.
 *
 * @example
 * ```ts
 * ctx.scheduleEffect(internal.tracking.viewed, { doc }, { window: { minutes: 5 } });
 * ctx.scheduleEffect(internal.search.reindex, { doc }, { window: { minutes: 1 }, trailing: true });
 * ```
 *
 * @param target - A mutation or action of the app, of `api` or `internal`.
 * @param argsAndOptions - The arguments of the target, and {@link EffectOptions}. All of it must fit into about 2,900
 * bytes of JSON; an effect that does not fit is logged, and not sent.
 * @throws Error that names the value, in a mutation or action: when the target is not a function of the app, the
 * arguments are not Convex values, or an option is wrong.
 */
export type ScheduleEffect = <Target extends EffectTarget>(
  target: Target,
  ...argsAndOptions: ArgsAndOptions<Target, EffectOptions>
) => void;

/**
 * What `lazy.query`, `lazy.mutation` and `lazy.action` add to `ctx`. Helper functions take, for example, `ctx: QueryCtx
 * & EffectCtx`.
 */
export interface EffectCtx {
  /** Schedules a mutation or action, also from a query. */
  scheduleEffect: ScheduleEffect;
}

/**
 * Returns the part of `ctx` that schedules effects. Use it in custom functions of convex-helpers, whose types drop what
 * the library has added to `ctx`.
 *
 * @example
 * ```ts
 * import { customCtx, customQuery } from "convex-helpers/server/customFunctions";
 * import { effectsOf } from "convex-lazy-views";
 *
 * export const userQuery = customQuery(
 *   query, // of lazy.query
 *   customCtx(async (ctx) => ({ ...effectsOf(ctx), user: await ctx.auth.getUserIdentity() })),
 * );
 * ```
 *
 * @param ctx - The ctx of a function of `lazy.query`, `lazy.mutation` or `lazy.action`.
 * @throws Error, when `ctx` comes from another builder.
 */
export function effectsOf(ctx: object): EffectCtx {
  const { scheduleEffect } = ctx as Partial<EffectCtx>;
  if (scheduleEffect !== undefined) return { scheduleEffect };
  throw new Error("effectsOf was given a plain ctx; make the builder with lazy.query, lazy.mutation or lazy.action.");
}

/** Collects the effects of one execution. */
export class EffectCollector {
  private readonly effects: Effect[] = [];

  /** @param onMistake - Gets the error of a wrong call of `scheduleEffect`. Without it, the call throws. */
  constructor(private readonly onMistake?: (error: unknown) => void) {}

  raise(effect: Effect): void {
    this.effects.push(effect);
  }

  /** The effects that were collected since the last call, each once. */
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
