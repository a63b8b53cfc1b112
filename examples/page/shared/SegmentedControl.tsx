import { useId } from "react";

interface Props<Value extends string> {
  /** The name of the choice, such as "Signed in as". */
  label: string;
  options: readonly { value: Value; text: string }[];
  value: Value;
  onChange: (value: Value) => void;
}

/** Chooses one of a few options, such as the signed-in person. The arrow keys move the choice. */
export function SegmentedControl<Value extends string>(props: Props<Value>) {
  const { label, options, value, onChange } = props;
  const name = useId();
  return (
    <fieldset className="segmented">
      <legend>{label}</legend>
      <div className="segmented__options">
        {options.map((option) => (
          <label key={option.value} className="segmented__option">
            <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
            {option.text}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
