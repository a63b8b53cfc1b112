interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  inputMode?: "text" | "numeric";
}

/** A field with its label above it. */
export function TextField({ label, value, onChange, inputMode = "text" }: Props) {
  return (
    <label className="field">
      <span>{label}</span>
      <input
        className="field__input"
        inputMode={inputMode}
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
