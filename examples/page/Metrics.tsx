import { signedNumber, wholeNumber } from "./format";
import type { StatsValue } from "./stats";

interface Props {
  value: StatsValue;
  /** The value before, to show what changed. */
  previous?: StatsValue | undefined;
}

/** The three numbers of an airport, with their change since the value before. */
export function Metrics({ value, previous }: Props) {
  const change = (of: (value: StatsValue) => number) => previous && of(value) - of(previous);
  return (
    <dl className="metrics">
      <Metric
        name="flights"
        text={wholeNumber(value.flights)}
        change={change(({ flights }) => flights)}
        write={(by) => `${by > 0 ? "+" : ""}${wholeNumber(by)}`}
      />
      <Metric
        name="mean delay"
        text={signedNumber(value.meanDelay)}
        unit="min"
        change={change(({ meanDelay }) => meanDelay)}
        write={signedNumber}
      />
      <Metric
        name="on time"
        text={(value.onTimeShare * 100).toFixed(1)}
        unit="%"
        change={change(({ onTimeShare }) => onTimeShare * 100)}
        write={signedNumber}
      />
    </dl>
  );
}

interface MetricProps {
  name: string;
  text: string;
  unit?: string;
  change: number | undefined;
  write: (change: number) => string;
}

function Metric({ name, text, unit, change, write }: MetricProps) {
  return (
    <div className="metric">
      <dt>{name}</dt>
      <dd>
        {text}
        {unit && <span className="metric__unit">{unit}</span>}
        {change !== undefined && change !== 0 && (
          <span className="metric__change" title="change since the value before">
            {write(change)}
          </span>
        )}
      </dd>
    </div>
  );
}
