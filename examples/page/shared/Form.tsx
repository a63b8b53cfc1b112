import { type ReactNode, useState } from "react";
import { errorMessage } from "./errorMessage";
import { Failure } from "./Failure";

interface Props {
  /** Its name for those who do not see what is around it. */
  label: string;
  /** What the button says. */
  submit: string;
  onSubmit: () => Promise<unknown>;
  disabled?: boolean;
  onCancel?: () => void;
  children: ReactNode;
}

/** Fields in a row with a button; below them what went wrong when it was last pressed. */
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
