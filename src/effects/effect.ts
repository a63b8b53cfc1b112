import type { FunctionReference, FunctionReference_future, FunctionVisibility } from "convex/server";
import { getFunctionName } from "convex/server";
import { convexToJson, jsonToConvex, type Value } from "convex/values";
import { DEFAULT_WINDOW_MS } from "../times.js";
import { canonicalText } from "../values/canonical.js";
import { isPlainObject } from "../values/copy.js";
import { checkOptions, wrongValue } from "../values/describe.js";
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
  /** The arguments of the target. */
  args: Record<string, Value>;
  /** How long repetitions are dropped, in ms. */
  windowMs: number;
  /** The caller's own key, within its target. */
  key?: string | undefined;
  /** Of a recompute: the `asOf` of the row that the reader saw, in ns since 1970; 0 when there was none. */
  seen?: bigint | undefined;
  /** A repetition inside the window has the target run once more, at the window's end. */
  trailing?: true | undefined;
  /** When it was raised, in ms since 1970, to the minute: of an effect that leaves through a client. */
  raisedAt?: number | undefined;
}

/** The options of `ctx.scheduleEffect`. */
export interface EffectOptions {
  /** How long repetitions are dropped after one is dispatched. Default: 10 seconds. */
  window?: Duration;
  /**
   * What becomes of repetitions: false drops them; true has the target run once more when the window ends, however many
   * there were, and begins another window there. So the target runs after the last of them. Default: false.
   */
  trailing?: boolean;
  /** What makes two effects the same, within the target. Default: the arguments. */
  key?: string;
}

/** Any mutation or action of the app, of `api` or `internal`. */
export type EffectTarget =
  | FunctionReference<"mutation" | "action", FunctionVisibility>
  | FunctionReference_future<"mutation" | "action", FunctionVisibility>;

/** @throws Error naming what is wrong with the target, the arguments or an option. */
export function toEffect(target: EffectTarget, args: Record<string, Value> = {}, options: EffectOptions = {}): Effect {
  const name = typeof target === "string" ? null : nameOf(target);
  if (name === null) {
    throw wrongValue("scheduleEffect: target", target, "give a mutation or action, such as internal.tracking.viewed");
  }
  const what = `scheduleEffect(${name})`;
  const { key, window, trailing = false } = options;
  checkOptions(what, options, ["key", "window", "trailing"]);
  if (!isPlainObject(args)) throw wrongValue(`${what}: args`, args, "give an object");
  canonicalText(args, `${what}: args`);
  // Throws for names of fields that Convex does not allow.
  const copy = jsonToConvex(convexToJson(args)) as typeof args;
  if (key !== undefined && typeof key !== "string") throw wrongValue(`${what}: key`, key, "give a string");
  canonicalText(key ?? "", `${what}: key`);
  if (typeof trailing !== "boolean") throw wrongValue(`${what}: trailing`, trailing, "give true or false");
  const windowMs = window === undefined ? DEFAULT_WINDOW_MS : toMs(window, `${what}: window`);
  return { target: name, args: copy, windowMs, key, ...(trailing && { trailing }) };
}

/** The path of a function of the app; null for those of components, and for what is no reference. */
export function nameOf(reference: unknown): string | null {
  try {
    return getFunctionName(reference as never);
  } catch {
    return null;
  }
}

/** The text under which the ledger remembers an effect. */
export function ledgerKey({ target, args, key }: Effect): string {
  return key === undefined ? `${target} ${canonicalText(args)}` : `${target} #${key}`;
}

/** Of effects for the same work that saw the same row, the one raised last; of several then, one with `trailing`. */
export function collapse(effects: readonly Effect[]): Effect[] {
  const byIdentity = new Map<string, Effect>();
  for (const effect of effects) {
    const identity = `${effect.seen} ${ledgerKey(effect)}`;
    const known = byIdentity.get(identity);
    const laterBy = (effect.raisedAt ?? 0) - (known?.raisedAt ?? 0);
    if (known === undefined || laterBy > 0 || (laterBy === 0 && effect.trailing)) byIdentity.set(identity, effect);
  }
  return [...byIdentity.values()];
}
