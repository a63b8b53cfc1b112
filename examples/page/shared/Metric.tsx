interface Props {
  name: string;
  text: string;
  unit?: string;
  /** The difference from the value before, as text. */
  change?: string | undefined;
}

/** A number with its name, for a `<dl className="metrics">`. */
export function Metric({ name, text, unit, change }: Props) {
  return (
    <div className="metric">
      <dt>{name}</dt>
      <dd>
        {text}
        {unit && <span className="metric__unit">{unit}</span>}
        {change && (
          <span className="metric__change" title="change since the value before">
            {change}
          </span>
        )}
      </dd>
    </div>
  );
}
