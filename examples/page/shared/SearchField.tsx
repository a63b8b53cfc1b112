interface Props {
  /** Its name for screen readers. */
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
}

/** A field that searches as you type. */
export function SearchField({ label, placeholder, value, onChange }: Props) {
  return (
    <input
      type="search"
      className="search-field"
      aria-label={label}
      placeholder={placeholder}
      autoComplete="off"
      spellCheck={false}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
