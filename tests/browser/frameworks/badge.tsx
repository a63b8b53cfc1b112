import { type FreshnessRead, useFreshness } from "convex-lazy-views/react";

/** An app's badge. */
export function Badge({ read }: { read: FreshnessRead | undefined }) {
  const { state, isRefreshing, label } = useFreshness(read);
  return (
    <small data-state={state} aria-busy={isRefreshing}>
      {label}
    </small>
  );
}
