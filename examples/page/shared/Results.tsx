import type { ReactNode } from "react";

/** A list of results. */
export function Results({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul className="results" aria-label={label}>
      {children}
    </ul>
  );
}

interface ResultProps {
  title: ReactNode;
  /** A line below the title. */
  detail?: ReactNode;
  /** A badge, a number or buttons at the end of the row. */
  aside?: ReactNode;
  /** Makes the title a button. */
  onOpen?: () => void;
  /** Whether this row is the open one. */
  open?: boolean;
}

/** One row of `Results`. */
export function Result({ title, detail, aside, onOpen, open = false }: ResultProps) {
  return (
    <li className="result">
      <div className="result__text">
        {onOpen ? (
          <button type="button" className="result__title" aria-pressed={open} onClick={onOpen}>
            {title}
          </button>
        ) : (
          <span className="result__title">{title}</span>
        )}
        {detail && <span className="result__detail">{detail}</span>}
      </div>
      {aside}
    </li>
  );
}
