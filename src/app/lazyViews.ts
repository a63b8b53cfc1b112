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

/** A builder of functions, whose `ctx` has `scheduleEffect` too. */
export type LazyBuilder<
  Type extends "query" | "mutation" | "action",
  Ctx,
  Visibility extends FunctionVisibility,
> = CustomBuilder<Type, Record<string, never>, EffectCtx, Record<string, never>, Ctx, Visibility, object>;

/** What `new LazyViews` takes. */
export interface LazyViewsOptions<DataModel extends GenericDataModel> {
  /** The path of this module below `convex/`, without its ending: `"lazy"` for `convex/lazy.ts`. */
  module: string;
  views: Readonly<Record<string, AnyView<Has<DataModel>>>>;
  /**
   * How effects leave queries, `["logStream", "logTail"]` by default: as lines of the log, which the deployment's log
   * stream or its tail carries, whichever `npx convex-lazy-views connect` has set up. With `"client"`, callers that use
   * the wrappers of `convex-lazy-views/client`, `/react` or `/nextjs` forward them. It is faster beside another one.
   */
  transports?: readonly Transport[];
  /** How long the tail of the transport `logTail` reads on after the last effect: at least 5 seconds. Default: 10. */
  linger?: Duration;
  /**
   * How many rows of each view one heartbeat audits, from 1, or false for none: it computes them again and compares;
   * what is wrong is marked, and named by `inspect`. Default: 3. A row costs what its `compute` reads: with a heartbeat
   * every five minutes and 50 documents a compute, some 1,900 documents an hour for each view.
   */
  audit?: number | false;
}

/** A property that no options have, unless the schema has the library's tables: its name says what to do. */
type NeedsLazyTables<DataModel extends GenericDataModel> =
  keyof typeof lazyTables extends TableNamesInDataModel<DataModel>
    ? unknown
    : { "Add ...lazyTables to defineSchema in convex/schema.ts": never };

/**
 * Wires the library to an app: one instance, in one module. Writes of its mutations mark the rows that depend on them.
 *
 * ```ts
 * // convex/lazy.ts
 * export const lazy = new LazyViews<DataModel>({ module: "lazy", views: { airportStats } });
 * export const { recompute, dispatch, sweep, inspect, heartbeat, tail } = lazy.functions();
 * export const query = lazy.query(rawQuery);
 * export const mutation = lazy.mutation(rawMutation);
 * ```
 */
export class LazyViews<DataModel extends GenericDataModel> {
  private readonly app: LazyApp;

  /**
   * @throws Error when `module` is not a path, something in `views` is no view, two views have one name, views
   * are each other's sources, a transport is unknown, `linger` is no duration, or `audit` is no number of rows.
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
   * The functions that the library calls; export them from this module, as above: `tail` for the transport `logTail`.
   * Also `forward` with the transport `client`, and `act` with views of the mode `action`. When one is missing, the first function that raises an effect
   * logs an error, and `inspect` names it.
   */
  functions(): LazyFunctions {
    return internalFunctions(this.app);
  }

  /** A query builder, from `query` or `internalQuery` of `_generated/server`: effects and reads of views work inside. */
  query(builder: QueryBuilder<DataModel, "public">): LazyBuilder<"query", GenericQueryCtx<DataModel>, "public">;
  query(builder: QueryBuilder<DataModel, "internal">): LazyBuilder<"query", GenericQueryCtx<DataModel>, "internal">;
  query(builder: unknown): unknown {
    return wrapBuilder(this.app, builder, inQuery);
  }

  /**
   * A mutation builder, from `mutation` or `internalMutation` of `_generated/server`: writes invalidate the rows that
   * depend on them, and effects are dispatched in the same transaction. Wrappers of `ctx.db`, such as triggers of
   * convex-helpers, go on top; below, calls throw:
   *
   * ```ts
   * export const mutation = customMutation(
   *   lazy.mutation(rawMutation),
   *   customCtx((ctx) => triggers.wrapDB({ ...ctx, ...effectsOf(ctx) })),
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

  /** An action builder, from `action` or `internalAction` of `_generated/server`: its end dispatches the effects. */
  action(builder: ActionBuilder<DataModel, "public">): LazyBuilder<"action", GenericActionCtx<DataModel>, "public">;
  action(builder: ActionBuilder<DataModel, "internal">): LazyBuilder<"action", GenericActionCtx<DataModel>, "internal">;
  action(builder: unknown): unknown {
    return wrapBuilder(this.app, builder, inAction);
  }

  /**
   * A builder of HTTP actions, from `httpAction` of `_generated/server`: its end dispatches the effects, also of its queries.
   *
   * ```ts
   * const count = lazy.httpAction(httpAction)(async (ctx, request) => {
   *   ctx.scheduleEffect(internal.tracking.viewed, { doc: await request.text() });
   *   return new Response();
   * });
   * http.route({ path: "/count", method: "POST", handler: count });
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
   * Recomputes the rows of these keys that are not fresh, before a reader asks. Like a reader, it begins their leases.
   *
   * ```ts
   * await lazy.warm(ctx, airportStats, [{ airport: "SFO" }, { airport: "LAX" }]);
   * ```
   *
   * @param ctx - Of a function of `lazy.mutation` or `lazy.query`.
   * @throws Error when a key does not fit the view, or there are more than 500; use `warmEach` for those.
   */
  async warm<Key>(ctx: ReadCtx, view: View<Key, unknown, unknown>, keys: readonly Key[]): Promise<void> {
    await warmKeys(executionOf(ctx, view.definition, "warm"), view.definition, keys);
  }

  /**
   * `warm` for the keys of all documents of a table: a `migrateOne` for `@convex-dev/migrations`.
   *
   * ```ts
   * export const warmAirportStats = migrations.define({
   *   table: "flights",
   *   migrateOne: lazy.warmEach(airportStats, (flight: Doc<"flights">) => [{ airport: flight.origin }]),
   * });
   * ```
   *
   * @param source - A function from a document to keys, or the name of one of the view's `sources`.
   * @returns A function of any mutation's ctx and a document. It throws what `source` throws, with the document's id.
   * @throws Error naming the source, when it is none of the view's `sources`.
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
   * Makes every row out of date whose key has the tag, in one written document. Their subscribers see it at once:
   * ``await lazy.invalidateTag(ctx, `org:${org}`);``, in any mutation.
   *
   * @throws Error naming the value, when the tag is not a string or is empty.
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
   * Adds the route that the deployment's log stream posts to, `POST /lazy-views/effects`:
   * `lazy.registerRoutes(http);` in `convex/http.ts`, before `export default http;`.
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
        // A note that fails must not stop the stream.
        (topics) => ctx.runMutation(app.refs.sweep, { job: { kind: "topics", topics } }).catch(() => {}),
      ),
    );
    http.route({ path: EFFECTS_PATH, method: "POST", handler });
  }
}
