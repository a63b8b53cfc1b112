import {
  type FunctionReference,
  type FunctionVisibility,
  makeFunctionReference,
} from "convex/server";
import type { DispatchCounts } from "./effects/dispatch.js";
import type { Effect } from "./effects/effect.js";
import type { SweepReference } from "./effects/sweep.js";
import type { InspectAnswer, InspectArgs } from "./inspect.js";
import type { RecomputeArgs, RecomputeOutcome } from "./recompute/recompute.js";

/** The functions that the app exports for the library, by the names it must export them under. */
export const FUNCTION_NAMES = ["recompute", "dispatch", "sweep", "inspect"] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** The arguments of the mutation `dispatch`. */
export type DispatchArgs = {
  effects: Effect[];
  /** Whether clients forward them. */
  areForwarded?: boolean;
};

/** References to the app's exports, in the module it named. */
export interface LazyReferences {
  /**
   * Function path of an export; `forward` is there with the transport `client`, `act` with views of the mode
   * `action`.
   */
  path(name: FunctionName | "forward" | "act"): string;
  dispatch: FunctionReference<"mutation", FunctionVisibility, DispatchArgs, DispatchCounts>;
  sweep: SweepReference;
  inspect: FunctionReference<"query", FunctionVisibility, InspectArgs, InspectAnswer>;
  recompute: FunctionReference<"mutation", FunctionVisibility, RecomputeArgs, RecomputeOutcome>;
}

/**
 * @param module - The path of the module below the functions folder, such as `lazy` or `lib/lazy`.
 * @throws Error when it is not such a path.
 */
export function references(module: string): LazyReferences {
  if (typeof module !== "string" || !/^[A-Za-z0-9_][A-Za-z0-9_/]*$/.test(module)) {
    throw new Error(
      `new LazyViews({ module }) is ${JSON.stringify(module)}; give the path of the file that exports ` +
        'lazy.functions(), below convex/ and without its ending: "lazy" for convex/lazy.ts.',
    );
  }
  const path = (name: FunctionName | "forward" | "act") => `${module}:${name}`;
  return {
    path,
    dispatch: makeFunctionReference(path("dispatch")),
    sweep: makeFunctionReference(path("sweep")),
    inspect: makeFunctionReference(path("inspect")),
    recompute: makeFunctionReference(path("recompute")),
  };
}

/** An error that says how the app must export the library's functions, beside what went wrong. */
export function missingFunctionError(module: string, name: FunctionName, cause: unknown): Error {
  return new Error(
    `convex-lazy-views could not call ${module}:${name}. ${cause instanceof Error ? cause.message : cause} ` +
      `(If the function was not found: convex/${module}.ts must have ` +
      `export const { ${FUNCTION_NAMES.join(", ")} } = lazy.functions(); and module must be its path.)`,
    { cause },
  );
}
