import { type ReactNode, useId } from "react";

interface Props {
  title: ReactNode;
  /** A few words below the title. */
  note?: ReactNode;
  /** A badge at the end of the header. */
  aside?: ReactNode;
  children: ReactNode;
}

/** A box with a heading that names it. */
export function Card({ title, note, aside, children }: Props) {
  const titleId = useId();
  return (
    <article className="card" aria-labelledby={titleId}>
      <header className="card__header">
        <h2 id={titleId}>{title}</h2>
        {note && <p className="card__note">{note}</p>}
        {aside}
      </header>
      {children}
    </article>
  );
}
