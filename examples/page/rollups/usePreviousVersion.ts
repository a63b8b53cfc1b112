import { useState } from "react";

/** What the hook has to know of a row. */
interface Row<Value> {
  value: Value | null;
  computedAt: number | null;
}

/** The value before the one shown, once the row has been recomputed while it was on screen. */
export function usePreviousVersion<Value>(row: Row<Value> | undefined): Value | undefined {
  const [shown, setShown] = useState(row);
  const [previous, setPrevious] = useState<Value>();
  if (row && row.computedAt !== shown?.computedAt) {
    if (shown?.value) setPrevious(shown.value);
    setShown(row);
  }
  return previous;
}
