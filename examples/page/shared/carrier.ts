import type { TraceEvent } from "../../backend/trace";
import type { PageEffect } from "./effectLine";
import { field } from "./field";

/** What carries effects out of queries. */
export type Carrier = "log stream" | "log tail" | "client";

/** The functions that receive effects → the carrier that calls them. */
const carriers: Record<string, Carrier> = {
  "POST /lazy-views/effects": "log stream",
  "lazy:tail": "log tail",
  "lazy:forward": "client",
};

/**
 * What carried the effects of a dispatch. Null if no carrier was needed: a mutation or an action dispatches its own
 * effects and those of the queries that it runs.
 */
export function carrierOf({ parent = "" }: Extract<TraceEvent, { type: "execution" }>): Carrier | null {
  return carriers[parent] ?? null;
}

/** An effect that arrived, with its window in milliseconds. */
export interface DispatchedEffect extends PageEffect {
  windowMs: number;
}

/** The effects in the arguments of a dispatch. */
export function dispatchedEffects(args: unknown): DispatchedEffect[] {
  const effects = field(args, "effects");
  if (!Array.isArray(effects)) return [];
  return effects.map((effect) => ({
    functionPath: String(field(effect, "target")),
    args: field(effect, "args"),
    windowMs: Number(field(effect, "windowMs") ?? 0),
  }));
}
