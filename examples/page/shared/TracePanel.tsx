import { type ReactNode, useId } from "react";
import { Notice } from "./Notice";
import type { TraceStatus } from "./useTrace";

interface Props {
  title: string;
  status: TraceStatus;
  children: ReactNode;
}

/** What happened behind an example, beside it; a hint where the deployment does not tell. */
export function TracePanel({ title, status, children }: Props) {
  const titleId = useId();
  if (status === "absent") {
    return (
      <Notice>
        This deployment has no trace, so there is no {title.toLowerCase()}; <code>npm run demo</code> shows one.
      </Notice>
    );
  }
  return (
    <section className="panel" aria-labelledby={titleId}>
      <header className="panel__header">
        <h2 id={titleId}>{title}</h2>
        <span className="panel__status" data-status={status}>
          {status}
        </span>
      </header>
      {children}
    </section>
  );
}
