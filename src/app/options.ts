import type { FunctionVisibility, GenericDataModel } from "convex/server";
import type { CustomBuilder } from "convex-helpers/server/customFunctions";
import type { EffectCtx } from "../effects/collector.js";
import type { Transport } from "../model/app.js";
import type { AnyView, SourceOf } from "../views/view.js";

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
  /** Every view of the app. */
  views: Readonly<Record<string, AnyView<SourceOf<DataModel>>>>;
  /**
   * How effects leave queries. With `"client"`, callers that use the wrappers of `convex-lazy-views/client`, `/react`
   * or `/nextjs` forward them; all others are served as ever. Both together are faster than each alone.
   * Default: `["logStream"]`.
   */
  transports?: readonly Transport[];
}
