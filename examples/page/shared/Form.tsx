import { type ReactNode, useState } from "react";
import { errorMessage } from "./errorMessage";
import { Failure } from "./Failure";

interface Props {
  /** Its name for screen readers. */
  label: string;
  /** The text of the button. */
  submit: string;
  onSubmit: () => Promise<unknown>;
  disabled?: boolean;
  onCancel?: () => void;
  children: ReactNode;
}

/** Fields in a row with a button, and below them the error of the last submit. */
export function Form({ label, submit, onSubmit, disabled, onCancel, children }: Props) {
  const [failure, setFailure] = useState<string>();
  return (
    <form
      className="form"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        setFailure(undefined);
        onSubmit().catch((error: unknown) => setFailure(errorMessage(error)));
      }}
    >
      {children}
      <button type="submit" className="button" disabled={disabled}>
        {submit}
      </button>
      {onCancel && (
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
      )}
      {failure && <Failure message={failure} />}
    </form>
  );
}
