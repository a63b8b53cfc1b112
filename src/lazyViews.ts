import {
  type ActionBuilder,
  type FunctionVisibility,
  type GenericActionCtx,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
  type HttpRouter,
  httpActionGeneric,
  type MutationBuilder,
  type QueryBuilder,
} from "convex/server";
import type { CustomBuilder } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import { collectViews, type LazyApp } from "./app.js";
import { runAction, runMutation, runQuery, wrapBuilder } from "./builders.js";
import type { EffectCtx } from "./effects/context.js";
import { answerLogStream } from "./effects/transports/webhook.js";
import { missingFunctionError, references } from "./functions.js";
import { internalFunctions, type LazyFunctions } from "./internals.js";
import type { SourceOf, View } from "./views/view.js";

/** The path of the HTTP route that the deployment's log stream posts to. */
export const EFFECTS_PATH = "/lazy-views/effects";

/** A builder of functions, whose `ctx` has `scheduleEffect` too. */
export type LazyBuilder<
  Type extends "query" | "mutation" | "action",
  Ctx,
  Visibility extends FunctionVisibility,
> = CustomBuilder<
  Type,
  Record<string, never>,
  EffectCtx,
  Record<string, never>,
  Ctx,
  Visibility,
  object
>;

/** What `new LazyViews` takes. */
export interface LazyViewsOptions<DataModel extends GenericDataModel> {
  /** The path of this module below `convex/`, without its ending: `"lazy"` for `convex/lazy.ts`. */
  module: string;
  /** Every view of the app. */
  views: Readonly<Record<string, View<never, unknown, SourceOf<DataModel>>>>;
  /** The app's own triggers of convex-helpers. The sources of the views are registered with them. */
  triggers?: Triggers<DataModel> | Triggers<DataModel, GenericMutationCtx<DataModel> & EffectCtx>;
}

/**
 * Wires the library to an app: one instance, in one module.
 *
 * ```ts
 * // convex/lazy.ts
 * export const lazy = new LazyViews<DataModel>({ module: "lazy", views: { airportStats } });
 * export const { recompute, dispatch, sweep, inspect } = lazy.functions();
 * export const query = lazy.query(rawQuery);
 * export const mutation = lazy.mutation(rawMutation);
 * ```
 */
export class LazyViews<DataModel extends GenericDataModel> {
  private readonly app: LazyApp;

  /** @throws Error when `module` is not a path, something in `views` is no view, or two views have one name. */
  constructor({ module, views, triggers }: LazyViewsOptions<DataModel>) {
    const shared = (triggers ?? new Triggers<DataModel>()) as unknown as Triggers<GenericDataModel>;
    this.app = {
      module,
      refs: references(module),
      views: collectViews(views, shared),
      triggers: shared,
    };
  }

  /**
   * The internal functions that the library calls; export all four from this module.
   *
   * ```ts
   * export const { recompute, dispatch, sweep, inspect } = lazy.functions();
   * ```
   */
  functions(): LazyFunctions {
    return internalFunctions(this.app);
  }

  /**
   * A query builder, from `query` or `internalQuery` of `_generated/server`: `ctx.scheduleEffect` and the views'
   * reads work inside.
   *
   * ```ts
   * export const query = lazy.query(rawQuery);
   * export const internalQuery = lazy.query(rawInternalQuery);
   * ```
   */
  query(
    builder: QueryBuilder<DataModel, "public">,
  ): LazyBuilder<"query", GenericQueryCtx<DataModel>, "public">;
  query(
    builder: QueryBuilder<DataModel, "internal">,
  ): LazyBuilder<"query", GenericQueryCtx<DataModel>, "internal">;
  query(builder: unknown): unknown {
    const { app } = this;
    return wrapBuilder(builder, (ctx, handler) => runQuery(app, ctx, handler));
  }

  /**
   * A mutation builder, from `mutation` or `internalMutation` of `_generated/server`: writes to the sources of
   * views invalidate their rows, and effects are dispatched in the same transaction.
   *
   * ```ts
   * export const mutation = lazy.mutation(rawMutation);
   * ```
   */
  mutation(
    builder: MutationBuilder<DataModel, "public">,
  ): LazyBuilder<"mutation", GenericMutationCtx<DataModel>, "public">;
  mutation(
    builder: MutationBuilder<DataModel, "internal">,
  ): LazyBuilder<"mutation", GenericMutationCtx<DataModel>, "internal">;
  mutation(builder: unknown): unknown {
    const { app } = this;
    return wrapBuilder(builder, (ctx, handler) => runMutation(app, ctx, handler));
  }

  /**
   * An action builder, from `action` or `internalAction` of `_generated/server`: effects are dispatched when the
   * action ends.
   *
   * ```ts
   * export const action = lazy.action(rawAction);
   * ```
   */
  action(
    builder: ActionBuilder<DataModel, "public">,
  ): LazyBuilder<"action", GenericActionCtx<DataModel>, "public">;
  action(
    builder: ActionBuilder<DataModel, "internal">,
  ): LazyBuilder<"action", GenericActionCtx<DataModel>, "internal">;
  action(builder: unknown): unknown {
    const { app } = this;
    return wrapBuilder(builder, (ctx, handler) => runAction(app, ctx, handler));
  }

  /**
   * Adds the route that the deployment's log stream posts to: `POST /lazy-views/effects`.
   *
   * ```ts
   * // convex/http.ts
   * const http = httpRouter();
   * lazy.registerRoutes(http);
   * export default http;
   * ```
   */
  registerRoutes(http: HttpRouter): void {
    const { refs, module } = this.app;
    http.route({
      path: EFFECTS_PATH,
      method: "POST",
      handler: httpActionGeneric(async (ctx, request) =>
        answerLogStream(request, async (effects) => {
          try {
            return await ctx.runMutation(refs.dispatch, { effects });
          } catch (error) {
            throw missingFunctionError(module, "dispatch", error);
          }
        }),
      ),
    });
  }
}
