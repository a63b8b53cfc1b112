export type { LazyFunctions } from "./app/functions.js";
export type { StreamHealth } from "./app/heartbeat.js";
export type { Failure, InspectReport, ViewReport } from "./app/inspect.js";
export { type LazyBuilder, LazyViews, type LazyViewsOptions } from "./app/lazyViews.js";
export type { TailHealth } from "./app/tail.js";
export { EFFECTS_PATH } from "./app/wiring.js";
export { type EffectCtx, effectsOf, type ScheduleEffect } from "./effects/collector.js";
export type { DispatchCounts } from "./effects/dispatch.js";
export type { Effect, EffectOptions, EffectTarget } from "./effects/effect.js";
export type { Transport } from "./model/app.js";
export type { Mode, Staleness, Verdict } from "./model/definition.js";
export type { RecomputeOutcome } from "./model/jobs.js";
export type { Shape, ShapeType, StandardSchema } from "./model/shape.js";
export { lazyTables, type Row } from "./schema.js";
export { allOf, anyOf, changed, invalidated, not, olderThan, when } from "./staleness/predicates.js";
export type { Documents } from "./tracking/dependency.js";
export type { Duration } from "./values/duration.js";
export { defineView } from "./views/defineView.js";
export type { Explanation } from "./views/explain.js";
export type { RowRead, RowState, Rows, ViewRead } from "./views/read.js";
export type { AnyView, Has, ReadCtx, RunProgress, View, WriteCtx } from "./views/view.js";
export type {
  ChangeOf,
  CommonOptions,
  ComputeOption,
  Needs,
  PagedOptions,
  PagedPart,
  QueryMode,
  TimeoutOption,
  ViewOptions,
} from "./views/viewOptions.js";
export { type ViewTable, viewTable } from "./views/viewTable.js";
