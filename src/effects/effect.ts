import type { FunctionReference, FunctionReference_future, FunctionVisibility } from "convex/server";
import { getFunctionName } from "convex/server";
import { convexToJson, type JSONValue, jsonToConvex, type Value } from "convex/values";
import { DEFAULT_WINDOW_MS } from "../times.js";
import { canonicalText } from "../values/canonical.js";
import { copyOf } from "../values/copy.js";
import { describe } from "../values/describe.js";
import { type Duration, toMs } from "../values/duration.js";

/**
 * One request to run a mutation or action, raised while a function runs.
 *
 * Words used everywhere:
 * - **target**: the mutation or action that an effect asks for.
 * - **key**: effects of equal key are the same work. Without one of the caller's, it is the target and its arguments.
 * - **window**: after a key is dispatched, the time in which its repetitions are dropped.
 * - **seen**: for recomputes, the `asOf` of the row that the reader saw, 0 when there was none. Inside the window, an
 *   effect that saw another row than the last one dispatched is not dropped, but put off to the window's end.
 */
export interface Effect {
  /** Function path, e.g. `tracking:viewed`. */
  target: string;
  args: Record<string, Value>;
  windowMs: number;
  /** The caller's own key, within its target. */
  key?: string;
  seen?: bigint;
}

/** Whether a row has been committed since the reader saw it that raised the effect. */
export function isSuperseded({ seen }: Effect, asOf: bigint | null): boolean {
  return asOf !== null && seen !== undefined && asOf > seen;
}

/** The options of `ctx.scheduleEffect`. */
export interface EffectOptions {
  /** How long repetitions are dropped after one is dispatched. Default: 10 seconds. */
  window?: Duration;
  /** What makes two effects the same, within the target. Default: the arguments. */
  key?: string;
}

/** Any mutation or action of the app, of `api` or `internal`. */
export type EffectTarget =
  | FunctionReference<"mutation" | "action", FunctionVisibility>
  | FunctionReference_future<"mutation" | "action", FunctionVisibility>;

/**
 * @throws Error naming what is wrong, when the target is not a function reference, the arguments are not
 * Convex values, or an option is malformed.
 */
export function toEffect(target: EffectTarget, args: Record<string, Value> = {}, options: EffectOptions = {}): Effect {
  const name = targetName(target);
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    throw new Error(`scheduleEffect(${name}): the arguments are ${describe(args)}; give an object.`);
  }
  canonicalText(args, `scheduleEffect(${name}): args`);
  convexToJson(args); // Throws for names of fields that Convex does not allow.
  if (options.key !== undefined && typeof options.key !== "string") {
    throw new Error(`scheduleEffect(${name}): key is ${describe(options.key)}; give a string.`);
  }
  canonicalText(options.key ?? "", `scheduleEffect(${name}): key`);
  return {
    target: name,
    args: copyOf(args),
    windowMs:
      options.window === undefined ? DEFAULT_WINDOW_MS : toMs(options.window, `scheduleEffect(${name}): window`),
    ...(options.key === undefined ? {} : { key: options.key }),
  };
}

function targetName(target: EffectTarget): string {
  try {
    if (typeof target !== "string") return getFunctionName(target);
  } catch {
    // Not a reference: said below.
  }
  throw new Error(
    `scheduleEffect was given ${describe(target)} as its target; ` +
      "give a mutation or action of the app, such as internal.tracking.viewed.",
  );
}

/** The text under which the ledger remembers an effect. */
export function ledgerKey(effect: Effect): string {
  return effect.key === undefined
    ? `${effect.target} ${canonicalText(effect.args)}`
    : `${effect.target} #${effect.key}`;
}

/** Leaves out effects that ask for the same work, and saw the same row. */
export function collapse(effects: readonly Effect[]): Effect[] {
  const byIdentity = new Map<string, Effect>();
  for (const effect of effects) {
    const identity = `${effect.seen ?? ""} ${ledgerKey(effect)}`;
    if (!byIdentity.has(identity)) byIdentity.set(identity, effect);
  }
  return [...byIdentity.values()];
}

/** An effect as JSON: `{f: target, a: arguments, w: window in ms, k?: key, s?: seen}`. */
export function effectToJson(effect: Effect): JSONValue {
  return {
    f: effect.target,
    a: convexToJson(effect.args),
    w: effect.windowMs,
    ...(effect.key === undefined ? {} : { k: effect.key }),
    ...(effect.seen === undefined ? {} : { s: String(effect.seen) }),
  };
}

/** @throws Error when the JSON is not an effect. */
export function effectFromJson(json: JSONValue): Effect {
  const { f, a, w, k, s } = json as Record<string, JSONValue>;
  const args = jsonToConvex(a as JSONValue);
  if (
    typeof f !== "string" ||
    typeof args !== "object" ||
    args === null ||
    Array.isArray(args) ||
    args instanceof ArrayBuffer ||
    !isFiniteNumber(w) ||
    (k !== undefined && typeof k !== "string") ||
    (s !== undefined && !isSnapshot(s))
  ) {
    throw new Error("not an effect");
  }
  // JSON can say what is no Convex value: half of a surrogate pair, or a field "__proto__".
  canonicalText([f, k ?? "", args]);
  return {
    target: f,
    args: args as Record<string, Value>,
    windowMs: w,
    ...(k === undefined ? {} : { key: k }),
    ...(s === undefined ? {} : { seen: BigInt(s) }),
  };
}

/** Whether a text is a snapshot: an int64 that is not negative. */
function isSnapshot(text: JSONValue): text is string {
  return typeof text === "string" && /^\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) >= 0n;
}

/** JSON can also say 1e999. */
function isFiniteNumber(value: JSONValue | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
