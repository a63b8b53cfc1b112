export type { Transport } from "./app.js";
export type { BackfillProgress } from "./backfill.js";
export { type EffectCtx, effectsOf, type ScheduleEffect } from "./effects/context.js";
export type { DispatchCounts } from "./effects/dispatch.js";
export type { Duration } from "./effects/duration.js";
export type { Effect, EffectOptions } from "./effects/effect.js";
export type { Failure, InspectReport } from "./inspect.js";
export type { LazyFunctions } from "./internals.js";
export { EFFECTS_PATH, type LazyBuilder, LazyViews, type LazyViewsOptions } from "./lazyViews.js";
export type { RunProgress } from "./recompute/paged.js";
export type { RecomputeOutcome } from "./recompute/recompute.js";
export type { Staleness, Verdict } from "./staleness/predicate.js";
export {
  allOf,
  anyOf,
  changed,
  invalidated,
  not,
  olderThan,
  when,
} from "./staleness/predicates.js";
export { lazyTables } from "./tables.js";
export { defineView, type SourceIn, type ViewOptions } from "./views/defineView.js";
export type { RowRead, RowState, ViewRead } from "./views/reading.js";
export type { Shape, ShapeType, StandardSchema } from "./views/shape.js";
export type { AnyView, ReadCtx, SourceOf, View, WriteCtx } from "./views/view.js";
export { type Row, type ViewTable, viewTable } from "./views/viewTable.js";
