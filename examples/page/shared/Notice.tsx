import type { ReactNode } from "react";

/** A quiet line in place of content that is not there. */
export function Notice({ children }: { children: ReactNode }) {
  return <p className="notice">{children}</p>;
}
