import type { AnyQueryCtx, Staleness } from "../staleness/predicate.js";
import type { Check } from "./shape.js";

/** A view as the library handles it: what `defineView` was given, checked, with its types set aside. */
export interface ViewDefinition {
  /** Also the name of its table. */
  readonly name: string;
  readonly version: number;
  /** Older versions whose rows are served, as stale. */
  readonly compatible: readonly number[];
  readonly windowMs: number;
  readonly onMissing: "null" | "compute";
  /** Source table → document → the keys that depend on it. */
  readonly sources: Readonly<Record<string, (doc: never) => unknown>>;
  readonly staleWhen: Staleness<never, never>;
  readonly compute: (ctx: AnyQueryCtx, key: never) => unknown;
  readonly checkKey: Check;
  readonly checkValue: Check;
}
