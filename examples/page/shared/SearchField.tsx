interface Props {
  /** Its name for those who do not see the placeholder. */
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
}

/** A field to search as one types. */
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
