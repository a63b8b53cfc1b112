import type { ReactNode } from "react";

interface Props {
  /** Chooses the colour, see `styles/card.css`. */
  state: string;
  children: ReactNode;
}

/** A state in one word. */
export function Badge({ state, children }: Props) {
  return (
    <span className="badge" data-state={state}>
      {children}
    </span>
  );
}
