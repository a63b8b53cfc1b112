import { useState } from "react";
import type { Stats, StatsValue } from "./stats";

/** The value before the one shown, once the row has been recomputed while it was on screen. */
export function usePreviousVersion(stats: Stats | undefined): StatsValue | undefined {
  const [shown, setShown] = useState(stats);
  const [previous, setPrevious] = useState<StatsValue>();
  if (stats && stats.computedAt !== shown?.computedAt) {
    if (shown?.value) setPrevious(shown.value);
    setShown(stats);
  }
  return previous;
}
