import {
  type ActionBuilder,
  type FunctionVisibility,
  type GenericActionCtx,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericQueryCtx,
  type HttpActionBuilder,
  type HttpRouter,
  httpActionGeneric,
  type MutationBuilder,
  type PublicHttpAction,
  type QueryBuilder,
  type TableNamesInDataModel,
} from "convex/server";
import type { CustomBuilder } from "convex-helpers/server/customFunctions";
import { Triggers } from "convex-helpers/server/triggers";
import {
  type AnyMutationCtx,
  collectViews,
  type LazyApp,
  type Transport,
  toTransports,
} from "./app.js";
import { type BackfillProgress, backfillProgress, effectFor, startBackfill } from "./backfill.js";
import { runAction, runMutation, wrapBuilder, wrapQueryBuilder } from "./builders.js";
import type { EffectCtx } from "./effects/context.js";
import { answerLogStream } from "./effects/transports/webhook.js";
import { missingFunctionError, references } from "./functions.js";
import { noteFinding } from "./health.js";
import { internalFunctions, type LazyFunctions } from "./internals.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";
import { invalidateTag } from "./staleness/tags.js";
import { findLazyContext, lazyContext, lazyMutationContext } from "./views/context.js";
import type { AnyView, ReadCtx, SourceOf, View } from "./views/view.js";

/** The path of the HTTP route that the deployment's log stream posts to. */
export const EFFECTS_PATH = "/lazy-views/effects";

/** Keys that one call of `warm` takes: each may schedule a job of its transaction. */
const MAX_WARM_KEYS = 500;

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
  views: Readonly<Record<string, AnyView<SourceOf<DataModel>>>>;
  /**
   * How effects leave queries. With `"client"`, callers that use the wrappers of `convex-lazy-views/client`, `/react`
   * or `/nextjs` forward them; all others are served as ever. Both together are faster than each alone.
   * Default: `["logStream"]`.
   */
  transports?: readonly Transport[];
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

  /**
   * @throws Error when `module` is not a path, something in `views` is no view, two views have one name, views
   * are each other's sources, or a transport is unknown.
   */
  constructor({ module, views, transports, triggers }: LazyViewsOptions<DataModel>) {
    const shared = (triggers ?? new Triggers<DataModel>()) as unknown as Triggers<GenericDataModel>;
    this.app = {
      module,
      refs: references(module),
      views: collectViews(views, shared),
      triggers: shared,
      transports: toTransports(transports),
      plainQueries: new Set(),
      notedAt: new Map(),
    };
  }

  /**
   * The functions that the library calls. Export these four from this module; also `forward` with the transport
   * `client`, `act` with views of the mode `action`, and `heartbeat` with its cron.
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
    return wrapQueryBuilder(this.app, builder);
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
    return wrapBuilder(builder, (ctx, handler, args) =>
      runMutation(app, ctx, (inner) => handler(inner, args)),
    );
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
    return wrapBuilder(builder, (ctx, handler, args) =>
      runAction(app, ctx, (inner) => handler(inner, args)),
    );
  }

  /**
   * A builder of HTTP actions, from `httpAction` of `_generated/server`: effects, also those of the queries it runs,
   * are dispatched when it ends.
   *
   * ```ts
   * http.route({ path: "/stats", method: "GET", handler: lazy.httpAction(httpAction)(async (ctx, request) => { … }) });
   * ```
   */
  httpAction(
    builder: HttpActionBuilder,
  ): (
    handler: (ctx: GenericActionCtx<DataModel> & EffectCtx, request: Request) => Promise<Response>,
  ) => PublicHttpAction {
    return this.action(builder as never) as never;
  }

  /**
   * Has the rows of these keys recomputed that are not fresh, before somebody reads them. As a reader does, it begins
   * their leases.
   *
   * ```ts
   * await lazy.warm(ctx, airportStats, [{ airport: "SFO" }, { airport: "LAX" }]);
   * ```
   *
   * @param ctx - Of a function of `lazy.mutation` or `lazy.query`.
   * @param keys - At most 500.
   * @throws Error when a key does not fit the view, or there are too many; use `backfill` for those.
   */
  async warm<Key>(
    ctx: ReadCtx,
    view: View<Key, unknown, unknown>,
    keys: readonly Key[],
  ): Promise<void> {
    if (keys.length > MAX_WARM_KEYS) {
      throw new Error(
        `warm was given ${keys.length} keys; give at most ${MAX_WARM_KEYS} at a time, or call backfill.`,
      );
    }
    const lazy = lazyContext(ctx, view.definition, "warm");
    for (const key of keys) {
      const effect = await effectFor(this.app, lazy.reader, view.definition, key);
      if (effect !== null) lazy.raise(effect);
    }
  }

  /**
   * Goes through all documents of a source in the background, and has the rows of their keys recomputed that are not
   * fresh; as readers do, it begins their leases. When it has stopped, the same call goes on where it was; when it has
   * ended, it begins anew.
   *
   * ```ts
   * await lazy.backfill(ctx, airportStats, "flights");
   * const progress = await lazy.backfillProgress(ctx, airportStats, "flights");
   * ```
   *
   * @param ctx - Of a function of `lazy.mutation`.
   * @param source - A table among the view's `sources`.
   * @throws Error naming the source, when it is none of the view.
   */
  async backfill(
    ctx: GenericMutationCtx<DataModel>,
    view: AnyView,
    source: TableNamesInDataModel<DataModel>,
  ): Promise<void> {
    const { definition } = view;
    if (!(source in definition.sources)) {
      const sources = Object.keys(definition.sources).join(", ") || "none";
      throw new Error(
        `backfill: "${source}" is no source of the view "${view.name}" (${sources}).`,
      );
    }
    lazyMutationContext(ctx, definition, "backfill");
    await startBackfill(this.app, ctx as unknown as AnyMutationCtx, definition, source);
  }

  /**
   * How far a backfill has come.
   *
   * @returns `documents` and `rows` so far, `startedAt` and, when it is over, `endedAt` (ms since 1970); `failed`, the
   * documents that were passed over because their keys could not be told, and why the last one, as `error`; null when
   * there was none.
   */
  async backfillProgress(
    ctx: Pick<GenericQueryCtx<DataModel>, "db">,
    view: AnyView,
    source: TableNamesInDataModel<DataModel>,
  ): Promise<BackfillProgress | null> {
    return await backfillProgress(ctx as unknown as AnyQueryCtx, view.name, source);
  }

  /**
   * Makes every row out of date whose key has the tag, in one written document. Their subscribers see it at once.
   *
   * ```ts
   * await lazy.invalidateTag(ctx, `org:${org}`);
   * ```
   *
   * @param ctx - Of any mutation, or of a trigger.
   * @throws Error naming the value, when the tag is not a string or is empty.
   */
  async invalidateTag(ctx: GenericMutationCtx<DataModel>, tag: string): Promise<void> {
    const db = findLazyContext(ctx)?.db ?? ctx.db;
    await invalidateTag(db as unknown as AnyMutationCtx["db"], tag);
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
    const { app } = this;
    const { refs, module } = app;
    http.route({
      path: EFFECTS_PATH,
      method: "POST",
      handler: httpActionGeneric(async (ctx, request) =>
        answerLogStream(
          request,
          async (effects) => {
            try {
              return await ctx.runMutation(refs.dispatch, { effects });
            } catch (error) {
              throw missingFunctionError(module, "dispatch", error);
            }
          },
          (finding) => noteFinding(app, ctx, finding),
        ),
      ),
    });
  }
}
