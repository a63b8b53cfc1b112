import { type ReactNode, useState } from "react";
import { errorMessage } from "./errorMessage";
import { Failure } from "./Failure";

export interface Action {
  label: string;
  run: () => Promise<unknown>;
  disabled?: boolean;
}

interface Props {
  /** The first one is the primary button. */
  actions: Action[];
  /** A few words beside the buttons. */
  note?: ReactNode;
}

/** Buttons in a row, and below them the error of the last click. */
export function ActionRow({ actions, note }: Props) {
  const [failure, setFailure] = useState<string>();
  const press = (run: Action["run"]) => {
    setFailure(undefined);
    run().catch((error: unknown) => setFailure(errorMessage(error)));
  };
  return (
    <div className="actions">
      {actions.map(({ label, run, disabled }, index) => (
        <button
          // biome-ignore lint/suspicious/noArrayIndexKey: a button whose label changes must keep its focus.
          key={index}
          type="button"
          className={index === 0 ? "button button--primary" : "button"}
          disabled={disabled}
          onClick={() => press(run)}
        >
          {label}
        </button>
      ))}
      {note && <p className="actions__note">{note}</p>}
      {failure && <Failure message={failure} />}
    </div>
  );
}
