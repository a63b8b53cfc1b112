import {
  type ActionBuilder,
  type DocumentByName,
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
import type { EffectCtx } from "../effects/collector.js";
import type { Effect } from "../effects/effect.js";
import { answerLogStream } from "../effects/transports/webhook.js";
import { called, type LazyApp, references, type Transport } from "../model/app.js";
import { executionOf, findExecution, MutationExecution } from "../model/execution.js";
import type { AnyMutationCtx, AnyWriter, lazyTables } from "../schema.js";
import type { ToKeys } from "../staleness/sources.js";
import { invalidateTag } from "../staleness/tags.js";
import { DEFAULT_LINGER_MS } from "../times.js";
import { checkOptions } from "../values/describe.js";
import { type Duration, toMs } from "../values/duration.js";
import type { AnyView, Has, ReadCtx, View } from "../views/view.js";
import { inAction, inMutation, inQuery, wrapBuilder } from "./builders.js";
import { collectViews, toAuditRows, toTransports } from "./collectViews.js";
import { internalFunctions, type LazyFunctions } from "./functions.js";
import { ensureTail } from "./tail.js";
import { warmEach, warmKeys } from "./warm.js";
import { EFFECTS_PATH } from "./wiring.js";

/** A builder of functions like Convex's own, whose `ctx` also has `scheduleEffect`. */
export type LazyBuilder<
  Type extends "query" | "mutation" | "action",
  Ctx,
  Visibility extends FunctionVisibility,
> = CustomBuilder<Type, Record<string, never>, EffectCtx, Record<string, never>, Ctx, Visibility, object>;

/** The options of `new LazyViews`. */
export interface LazyViewsOptions<DataModel extends GenericDataModel> {
  /**
   * The path of the module that exports the functions of `lazy.functions()`, below `convex/` and without its ending:
   * `"lazy"` for `convex/lazy.ts`, `"lib/lazy"` for `convex/lib/lazy.ts`.
   */
  module: string;
  /** The views of the app. Their names must differ; the property names do not matter. */
  views: Readonly<Record<string, AnyView<Has<DataModel>>>>;
  /**
   * How effects may leave queries. Default: `["logStream", "logTail"]`. With these, effects leave as sealed (encrypted)
   * lines of the log, and the deployment's log stream or its tail carries them, whichever
   * `npx convex-lazy-views connect` has set up; with both, the second arrival of each effect is dropped as a duplicate.
   * With `"client"`, callers that use `convex-lazy-views/client`, `/react` or `/nextjs` forward them; it may stand
   * beside the others. When it stands alone, other callers raise no effects.
   */
  transports?: readonly Transport[];
  /**
   * How long the tail of the transport `logTail` reads on after the last effect. A tail reads for 5 seconds at least.
   * Default: 10 seconds.
   */
  linger?: Duration;
  /**
   * How many rows of each view a heartbeat audits: a whole number from 1, or false for none. An audit computes a fresh
   * row again and compares; a row that is wrong is marked, and `inspect` names it. Default: 3.
   *
   * Each row costs what its `compute` reads. With a heartbeat every five minutes and 50 documents a compute, that is
   * some 1,900 documents an hour for each view.
   */
  audit?: number | false;
}

/** A property that no options have, so that TypeScript reports its name when the schema lacks the library's tables. */
type NeedsLazyTables<DataModel extends GenericDataModel> =
  keyof typeof lazyTables extends TableNamesInDataModel<DataModel>
    ? unknown
    : { "Add ...lazyTables to defineSchema in convex/schema.ts": never };

/**
 * Connects the library to an app: make one instance, in one module. Define the functions of the app with its builders,
 * so that queries can read views and raise effects, and writes mark the rows that depend on them.
 *
 * @example
 * ```ts
 * import { LazyViews } from "convex-lazy-views";
 *
 * export const lazy = new LazyViews<DataModel>({ module: "lazy", views: { airportStats } });
 * export const { recompute, dispatch, sweep, inspect, heartbeat, tail } = lazy.functions();
 * export const query = lazy.query(rawQuery);
 * export const mutation = lazy.mutation(rawMutation);
 * ```
 */
export class LazyViews<DataModel extends GenericDataModel> {
  private readonly app: LazyApp;

  /**
   * @param options - The module, its views, and what deviates from the defaults. TypeScript refuses a view whose table
   * or sources the schema of `DataModel` lacks, and a schema without `...lazyTables`.
   * @throws Error with the value and the remedy, when `module` is not a path, something in `views` is not a view, two
   * views have the same name, views are each other's sources, an option or transport is unknown, `linger` is not a
   * duration, or `audit` is not a number of rows.
   */
  constructor(options: LazyViewsOptions<DataModel> & NeedsLazyTables<DataModel>) {
    const { module, views, transports, linger, audit } = options;
    checkOptions("new LazyViews", options, ["module", "views", "transports", "linger", "audit"]);
    this.app = {
      module,
      ...collectViews(views),
      refs: references(module),
      transports: toTransports(transports),
      lingerMs: linger === undefined ? DEFAULT_LINGER_MS : toMs(linger, "new LazyViews: linger"),
      auditRows: toAuditRows(audit),
      plainQueries: new Set(),
    };
  }

  /**
   * Returns the functions that the library calls. Export them from this module: always `recompute`, `dispatch`,
   * `sweep`, `inspect` and `heartbeat`; `tail` with the transport `logTail`; `forward` with `client`; `act` when a view
   * has the mode `action`. When one is missing, the first function that raises an effect logs an error, and `inspect`
   * names it.
   *
   * @example
   * ```ts
   * export const { recompute, dispatch, sweep, inspect, heartbeat, tail } = lazy.functions();
   * ```
   */
  functions(): LazyFunctions {
    return internalFunctions(this.app);
  }

  /**
   * Makes a query builder from `query` or `internalQuery` of `_generated/server`. Functions that are made with it can
   * read views and call `ctx.scheduleEffect`. Helper functions that read views take `ctx: QueryCtx & EffectCtx`.
   *
   * @example
   * ```ts
   * export const query = lazy.query(rawQuery);
   * ```
   */
  query(builder: QueryBuilder<DataModel, "public">): LazyBuilder<"query", GenericQueryCtx<DataModel>, "public">;
  query(builder: QueryBuilder<DataModel, "internal">): LazyBuilder<"query", GenericQueryCtx<DataModel>, "internal">;
  query(builder: unknown): unknown {
    return wrapBuilder(this.app, builder, inQuery);
  }

  /**
   * Makes a mutation builder from `mutation` or `internalMutation` of `_generated/server`. Writes of its functions mark
   * the rows that depend on the written document, and their effects are dispatched in the same transaction.
   *
   * - One mutation does one thing at a time: writes, `refresh`, `invalidate`, `evict` and sub-mutations take turns, in
   *   the order of their calls. A write that you do not await is waited for at the end of the mutation; one that comes
   *   after the end throws.
   * - A mutation whose rows cannot be marked does not commit, even if you catch the error: its transaction has no room
   *   for them, say, or a function of `sources` throws.
   * - Reads of views, and queries that you call with `ctx.runQuery`, wait for the writes that were begun before them.
   * - You may call one of its functions as a plain function, or wrap a builder twice: the inner one runs as a part of
   *   the outer one.
   * - Mutations of any other builder mark nothing.
   *
   * Wrappers of `ctx.db`, such as the triggers of convex-helpers, must go on top, as below. Calls throw when this
   * builder is given one that wraps `ctx.db`, because the library would not see the writes of that wrapper.
   *
   * @example
   * ```ts
   * import { customCtx, customMutation } from "convex-helpers/server/customFunctions";
   * import { Triggers } from "convex-helpers/server/triggers";
   * import { effectsOf } from "convex-lazy-views";
   *
   * const triggers = new Triggers<DataModel, MutationCtx>();
   * export const mutation = customMutation(
   *   lazy.mutation(rawMutation),
   *   customCtx((ctx: MutationCtx) => triggers.wrapDB({ ...ctx, ...effectsOf(ctx) })),
   * );
   * ```
   */
  mutation(
    builder: MutationBuilder<DataModel, "public">,
  ): LazyBuilder<"mutation", GenericMutationCtx<DataModel>, "public">;
  mutation(
    builder: MutationBuilder<DataModel, "internal">,
  ): LazyBuilder<"mutation", GenericMutationCtx<DataModel>, "internal">;
  mutation(builder: unknown): unknown {
    return wrapBuilder(this.app, builder, inMutation);
  }

  /**
   * Makes an action builder from `action` or `internalAction` of `_generated/server`. The effects of its functions, and
   * those of the queries that they run, are dispatched when the function ends, also when it throws: in mutations of a
   * hundred effects each. If these fail, that is logged.
   *
   * @example
   * ```ts
   * export const action = lazy.action(rawAction);
   * ```
   */
  action(builder: ActionBuilder<DataModel, "public">): LazyBuilder<"action", GenericActionCtx<DataModel>, "public">;
  action(builder: ActionBuilder<DataModel, "internal">): LazyBuilder<"action", GenericActionCtx<DataModel>, "internal">;
  action(builder: unknown): unknown {
    return wrapBuilder(this.app, builder, inAction);
  }

  /**
   * Makes a builder of HTTP actions from `httpAction` of `_generated/server`. Effects are dispatched as those of {@link
   * LazyViews.action}.
   *
   * @example
   * ```ts
   * import { httpRouter } from "convex/server";
   *
   * const http = httpRouter();
   * http.route({
   *   path: "/stats",
   *   method: "GET",
   *   handler: lazy.httpAction(httpAction)(async (ctx, request) => {
   *     const airport = new URL(request.url).searchParams.get("airport") ?? "";
   *     return Response.json(await ctx.runQuery(api.dashboard.stats, { airport }));
   *   }),
   * });
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
   * Raises the recompute of each of these keys whose row is not fresh, before a reader asks for it. It counts as a
   * reader: it begins leases, and takes idle rows back.
   *
   * @example
   * ```ts
   * await lazy.warm(ctx, airportStats, [{ airport: "SFO" }, { airport: "LAX" }]);
   * ```
   *
   * @param ctx - The ctx of a function of `lazy.mutation` or `lazy.query`.
   * @param view - One of the views of `new LazyViews`.
   * @param keys - At most 500 keys. Use {@link LazyViews.warmEach} for more.
   * @throws Error, when a key does not fit the view, or there are more than 500.
   */
  async warm<Key>(ctx: ReadCtx, view: View<Key, unknown, unknown>, keys: readonly Key[]): Promise<void> {
    await warmKeys(executionOf(ctx, view.definition, "warm"), view.definition, keys);
  }

  /**
   * Makes a function that warms the keys of one document, so that a migration over a table fills a new view. Give it as
   * `migrateOne` to `migrations.define` of `@convex-dev/migrations`, which runs it in the background in batches;
   * batches of up to 100 documents work, however many keys each has.
   *
   * @example
   * ```ts
   * export const warmFlight = lazy.warmEach(airportStats, (flight: Doc<"flights">) => [
   *   { airport: flight.origin },
   *   { airport: flight.destination },
   * ]);
   * // migrations.define({ table: "flights", migrateOne: warmFlight })
   * ```
   *
   * @param view - One of the views of `new LazyViews`.
   * @param source - A function from a document to keys, or the name of one of the view's `sources`.
   * @returns A function that takes the ctx of any mutation, and a document. It throws an Error with the id of the
   * document when its keys cannot be determined, which stops the migration.
   * @throws Error that names the sources of the view, when `source` is none of them.
   */
  warmEach<Key, Document>(
    view: View<Key, unknown, unknown>,
    source: (document: Document) => Key[],
  ): (ctx: GenericMutationCtx<DataModel>, document: Document) => Promise<void>;
  warmEach<Source extends TableNamesInDataModel<DataModel>>(
    view: AnyView,
    source: Source,
  ): (ctx: GenericMutationCtx<DataModel>, document: DocumentByName<DataModel, Source>) => Promise<void>;
  warmEach(view: AnyView, source: string | ToKeys): unknown {
    return warmEach(this.app, view.definition, source);
  }

  /**
   * Makes every row stale whose key has a tag, in one written document. Queries that are subscribed to such rows run
   * again at once. Mutations that invalidate one tag at the same time conflict. See the option `tags` of {@link
   * CommonOptions}.
   *
   * @example
   * ```ts
   * await lazy.invalidateTag(ctx, "airline:UA");
   * ```
   *
   * @param ctx - The ctx of any mutation, also of one that was not made with `lazy.mutation`.
   * @throws Error with the value, when the tag is not a string or is empty; or when `ctx` is not that of a mutation.
   */
  async invalidateTag(ctx: GenericMutationCtx<DataModel>, tag: string): Promise<void> {
    if (!("insert" in (ctx?.db ?? {}))) throw new Error("lazy.invalidateTag writes; call it in a mutation.");
    const execution = findExecution(ctx);
    if (execution instanceof MutationExecution) {
      await execution.mutex.run(() => invalidateTag(execution.db, tag));
      execution.wakesReaders = true;
    } else {
      await invalidateTag(ctx.db as unknown as AnyWriter, tag);
      await ensureTail(this.app, ctx as unknown as AnyMutationCtx, true);
    }
  }

  /**
   * Adds the route that the deployment's log stream posts to, `POST /lazy-views/effects` ({@link EFFECTS_PATH}). Call
   * it in `convex/http.ts`. The route never writes to the console, as its lines would be delivered to it again; neither
   * must middleware around it.
   *
   * @example
   * ```ts
   * import { httpRouter } from "convex/server";
   *
   * const http = httpRouter();
   * lazy.registerRoutes(http);
   * export default http;
   * ```
   */
  registerRoutes(http: HttpRouter): void {
    const { app } = this;
    const handler = httpActionGeneric((ctx, request) =>
      answerLogStream(
        request,
        async (effects, areOld) => {
          const ask = { kind: "wanted", effects } as const;
          const wanted = areOld ? await called(app, "inspect", ctx.runQuery(app.refs.inspect, { ask })) : effects;
          return await called(app, "dispatch", ctx.runMutation(app.refs.dispatch, { effects: wanted as Effect[] }));
        },
        // If the note fails, the delivery must succeed all the same: the stream would send it again.
        (topics) => ctx.runMutation(app.refs.sweep, { job: { kind: "topics", topics } }).catch(() => {}),
      ),
    );
    http.route({ path: EFFECTS_PATH, method: "POST", handler });
  }
}
