import { useState } from "react";

/** The latest result, kept while the next one is loading, so that nothing flickers. */
export function useKept<Result>(result: Result | undefined): Result | undefined {
  const [kept, keep] = useState(result);
  if (result !== undefined && result !== kept) keep(result);
  return result ?? kept;
}
