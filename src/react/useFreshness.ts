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
  /** That of the read; undefined while the query loads. */
  state: FreshnessRead["state"] | undefined;
  /** Whether the row is stale, expired or missing: its recompute was asked for, and the query will get a new value. */
  isRefreshing: boolean;
  /**
   * How old the value is, in ms, rounded down to whole seconds, from a minute on to whole minutes, and from an hour on to
   * whole hours. Null where its age is not known: while the query loads, of an expired or missing row, of a value that
   * was computed in place (`computedAt` 0), on a server, and in the first render after one.
   */
  ageMs: number | null;
  /** The age in words, such as `3 seconds ago` or `vor 3 Sekunden`; null as `ageMs` is. */
  ago: string | null;
  /**
   * A sentence in English, whatever the locale: `updated 3 seconds ago`, or `updated 3 seconds ago, refreshing` of a stale
   * row. Without an age: `loading…`, `up to date`, `refreshing…` of a stale row, `updating…` of an expired or missing one.
   */
  label: string;
}

/**
 * How fresh a row is, and how old its value, for a badge beside it. Renders again by itself when the age grows: each
 * second in the first minute, then each minute, then each hour. It works with every transport, and with the hooks and
 * the provider of convex/react as with this library's.
 *
 * A client's clock that is behind the server's counts as age 0. One that is ahead makes values look older.
 *
 * @example
 * ```tsx
 * // `read` is what `useQuery` gives of a query that returns `await airportStats.read(ctx, { airport })`.
 * function FreshnessBadge({ read }: { read: FreshnessRead | undefined }) {
 *   const { state, label } = useFreshness(read);
 *   return <small data-state={state}>{label}</small>; // updated 3 seconds ago, refreshing
 * }
 * ```
 *
 * @param read - What a query returned that passes on an answer of `view.read`: its `state` and `computedAt`. Undefined
 *   while the query loads. After `view.peek`, which asks for no recompute, `isRefreshing` promises too much.
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

/** Of a value that is served. The row of an expired read has a time, too, but its value is not what the reader gets. */
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
