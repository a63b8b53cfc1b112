import type { ReactNode } from "react";

/** A quiet line in place of missing content. */
export function Notice({ children }: { children: ReactNode }) {
  return <p className="notice">{children}</p>;
}
