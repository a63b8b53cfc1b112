export type { LazyFunctions } from "./app/functions.js";
export type { Failure, InspectReport } from "./app/inspect.js";
export { EFFECTS_PATH, type LazyBuilder, LazyViews, type LazyViewsOptions } from "./app/lazyViews.js";
export { type EffectCtx, effectsOf, type ScheduleEffect } from "./effects/collector.js";
export type { DispatchCounts } from "./effects/dispatch.js";
export type { Effect, EffectOptions } from "./effects/effect.js";
export type { Transport } from "./model/app.js";
export type { Staleness, Verdict } from "./model/definition.js";
export type { RecomputeOutcome } from "./model/jobs.js";
export type { Shape, ShapeType, StandardSchema } from "./model/shape.js";
export { lazyTables, type Row } from "./schema.js";
export {
  allOf,
  anyOf,
  changed,
  invalidated,
  not,
  olderThan,
  when,
} from "./staleness/predicates.js";
export type { Duration } from "./values/duration.js";
export { defineView } from "./views/defineView.js";
export type { RowRead, RowState, ViewRead } from "./views/read.js";
export type { AnyView, ReadCtx, RunProgress, SourceOf, View, WriteCtx } from "./views/view.js";
export type { SourceIn, ViewOptions } from "./views/viewOptions.js";
export { type ViewTable, viewTable } from "./views/viewTable.js";
