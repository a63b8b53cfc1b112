import { useMemo, useSyncExternalStore } from "react";
import { Age, ago } from "./age.js";

/** What `useFreshness` needs of an answer of `view.read`: a query may return more, or other names for the value. */
export interface FreshnessRead {
  /** What the read found. */
  state: "fresh" | "stale" | "expired" | "missing";
  /** When the value was computed, in ms since 1970; null without one. */
  computedAt: number | null;
}

/** What `useFreshness` takes beside the read. */
export interface FreshnessOptions {
  /** The language of `ago`, such as `"de"` or `"pt-BR"`. Default: `"en"`. */
  locale?: string;
}

/** What `useFreshness` returns. */
export interface Freshness {
  /** The state of the read; undefined while the query loads. */
  state: FreshnessRead["state"] | undefined;
  /** Whether the row is stale, expired or missing: its recompute was requested, and the query will get a new value. */
  isRefreshing: boolean;
  /**
   * The age of the value, in ms. It is rounded down: in the first minute to whole seconds, in the first hour to whole
   * minutes, later to whole hours. It is null if the age is not known: while the query loads, if the row is expired or
   * missing, if the value was computed in place (`computedAt` is 0), and in the render on a server and the one that
   * hydrates it.
   */
  ageMs: number | null;
  /** The age in words, such as `3 seconds ago` or `vor 3 Sekunden`; null if `ageMs` is null. */
  ago: string | null;
  /**
   * The state in English, whatever the locale: `updated 3 seconds ago`, or `updated 3 seconds ago, refreshing` for a stale
   * row. Without an age it is `loading…`, `up to date`, `refreshing…` (stale), or `updating…` (expired or missing).
   */
  label: string;
}

/**
 * Returns how fresh a row is and how old its value is, for a badge. The component renders again when the age grows: each
 * second in the first minute, then each minute, then each hour. The hook works with every transport, and with the hooks
 * and the provider of convex/react or of this library.
 *
 * If the client's clock is behind the server's, the age is 0. If it is ahead, values look older than they are.
 *
 * @example
 * ```tsx
 * // `read` is the result of `useQuery` for a query that returns `await airportStats.read(ctx, { airport })`.
 * function FreshnessBadge({ read }: { read: FreshnessRead | undefined }) {
 *   const { state, label } = useFreshness(read);
 *   return <small data-state={state}>{label}</small>; // updated 3 seconds ago, refreshing
 * }
 * ```
 *
 * @param read - The result of `view.read` that your query returned, with `state` and `computedAt`; undefined while the
 *   query loads. Do not pass the result of `view.peek`: it requests no recompute, so `isRefreshing` would be wrong.
 */
export function useFreshness(read: FreshnessRead | undefined, options: FreshnessOptions = {}): Freshness {
  const computedAt = computedAtOf(read);
  const { subscribe, get } = useMemo(() => storeOf(computedAt), [computedAt]);
  const ageMs = useSyncExternalStore(subscribe, get, getOnServer);
  const { locale = "en" } = options;
  const state = read?.state;
  return {
    state,
    isRefreshing: state !== undefined && state !== "fresh",
    ageMs,
    ago: ageMs === null ? null : ago(ageMs, locale),
    label: labelOf(state, ageMs),
  };
}

/** When the served value was computed. An expired read has a time, too, but the reader does not get that value. */
function computedAtOf(read: FreshnessRead | undefined): number | null {
  const isServed = read?.state === "fresh" || read?.state === "stale";
  return (isServed && read.computedAt) || null;
}

const getOnServer = () => null;

function storeOf(computedAt: number | null): { subscribe: Age["subscribe"]; get: () => number | null } {
  if (computedAt === null) return { subscribe: () => () => {}, get: getOnServer };
  const { subscribe, read } = new Age(computedAt);
  return { subscribe, get: read };
}

function labelOf(state: Freshness["state"], ageMs: number | null): string {
  switch (state) {
    case undefined:
      return "loading…";
    case "fresh":
      return ageMs === null ? "up to date" : `updated ${ago(ageMs, "en")}`;
    case "stale":
      return ageMs === null ? "refreshing…" : `updated ${ago(ageMs, "en")}, refreshing`;
    default:
      return "updating…";
  }
}
