import { type ReactNode, useId, useState } from "react";
import { Notice } from "./Notice";
import type { TraceStatus } from "./useTrace";

interface Props {
  title: string;
  status: TraceStatus;
  /** The last event in one line. A narrow page shows only this until you open the panel. */
  latest: string | undefined;
  children: ReactNode;
}

/**
 * The activity behind an example, or a notice if the deployment has no trace. On a wide page it is beside the example;
 * on a narrow page it is a bar at the lower edge, which opens with a tap.
 */
export function TracePanel({ title, status, latest, children }: Props) {
  const [titleId, contentId] = [useId(), useId()];
  const [isOpen, setIsOpen] = useState(false);
  if (status === "absent") {
    return (
      <Notice>
        This deployment has no trace, so there is no {title.toLowerCase()}; <code>npm run demo</code> shows one.
      </Notice>
    );
  }
  return (
    <section className="panel" data-open={isOpen} aria-labelledby={titleId}>
      <header className="panel__header">
        <h2 id={titleId}>{title}</h2>
        <span className="panel__status" data-status={status}>
          {status}
        </span>
        <button
          type="button"
          className="button panel__toggle"
          aria-expanded={isOpen}
          aria-controls={contentId}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? "Hide" : "Show"}
          <span className="visually-hidden"> the activity</span>
        </button>
        <p className="panel__latest">{latest ?? "Nothing has happened yet."}</p>
      </header>
      <div className="panel__content" id={contentId}>
        {children}
      </div>
    </section>
  );
}
