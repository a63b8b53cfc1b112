import { useState } from "react";

/** Keeps the latest result while the next one is loading, so that the page does not flicker. */
export function useKept<Result>(result: Result | undefined): Result | undefined {
  const [kept, keep] = useState(result);
  if (result !== undefined && result !== kept) keep(result);
  return result ?? kept;
}
