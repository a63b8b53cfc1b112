import { useState } from "react";

/** The fields of a row that the hook needs. */
interface Row<Value> {
  value: Value | null;
  computedAt: number | null;
}

/** The value before the shown one; undefined until the row is recomputed while it is on screen. */
export function usePreviousVersion<Value>(row: Row<Value> | undefined): Value | undefined {
  const [shown, setShown] = useState(row);
  const [previous, setPrevious] = useState<Value>();
  if (row && row.computedAt !== shown?.computedAt) {
    if (shown?.value) setPrevious(shown.value);
    setShown(row);
  }
  return previous;
}
