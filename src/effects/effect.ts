import type { FunctionReference, FunctionReference_future, FunctionVisibility } from "convex/server";
import { getFunctionName } from "convex/server";
import { convexToJson, jsonToConvex, type Value } from "convex/values";
import { DEFAULT_WINDOW_MS } from "../times.js";
import { canonicalText } from "../values/canonical.js";
import { isPlainObject } from "../values/copy.js";
import { checkOptions, wrongValue } from "../values/describe.js";
import { type Duration, toMs } from "../values/duration.js";

/** One request to run a mutation or action, which a function has raised. */
export interface Effect {
  /** Path of the mutation or action that is asked for, such as `tracking:viewed`. */
  target: string;
  /** The arguments of the target. */
  args: Record<string, Value>;
  /** How long repetitions are dropped after the effect was dispatched, in ms. */
  windowMs: number;
  /** What the caller gave as `key`: effects with the same target and key are equal. Otherwise, the arguments count. */
  key?: string | undefined;
  /**
   * Of a recompute: the `asOf` of the row that its reader saw, in ns since 1970; 0 when there was none. Inside the
   * window, an effect that saw another row than the last one that was dispatched is not dropped, but put off to its
   * end.
   */
  seen?: bigint | undefined;
  /** A repetition inside the window makes the target run once more, at the window's end. */
  trailing?: true | undefined;
  /** Of an effect that leaves through a client: when it was raised, in ms since 1970, to the minute. */
  raisedAt?: number | undefined;
}

/** The options of {@link ScheduleEffect | ctx.scheduleEffect}. */
export interface EffectOptions {
  /** How long repetitions are dropped after an effect was dispatched. From 0 to a year. Default: 10 seconds. */
  window?: Duration;
  /**
   * Whether the target runs once more when the window ends, if there were repetitions in it. Another window begins
   * there. So the target always runs after the last repetition. Default: false, which drops them.
   */
  trailing?: boolean;
  /** Effects with the same target and this same text are equal. Default: those with equal arguments are. */
  key?: string;
}

/** A reference to any mutation or action of the app, of `api` or `internal`. */
export type EffectTarget =
  | FunctionReference<"mutation" | "action", FunctionVisibility>
  | FunctionReference_future<"mutation" | "action", FunctionVisibility>;

/** @throws Error that names what is wrong with the target, the arguments or an option. */
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

/** The path of a function of the app; null for a function of a component, and for anything but a reference. */
export function nameOf(reference: unknown): string | null {
  try {
    return getFunctionName(reference as never);
  } catch {
    return null;
  }
}

/** The key of an effect's entry in the ledger: equal effects, and only they, have the same. */
export function ledgerKey({ target, args, key }: Effect): string {
  return key === undefined ? `${target} ${canonicalText(args)}` : `${target} #${key}`;
}

/** Of equal effects that saw the same row, keeps the one that was raised last; of several then, one with `trailing`. */
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
