import { signedNumber, wholeNumber } from "../shared/format";
import { Metric } from "../shared/Metric";
import { change, moreOrFewer } from "./change";
import type { StatsValue } from "./stats";

interface Props {
  value: StatsValue;
  /** The value before, to show what changed. */
  previous?: StatsValue | undefined;
}

/** The three numbers of an airport, with their change since the value before. */
export function Metrics({ value, previous }: Props) {
  const onTime = ({ onTimeShare }: StatsValue) => onTimeShare * 100;
  return (
    <dl className="metrics">
      <Metric
        name="flights"
        text={wholeNumber(value.flights)}
        change={change(value.flights, previous?.flights, moreOrFewer)}
      />
      <Metric
        name="mean delay"
        text={signedNumber(value.meanDelay)}
        unit="min"
        change={change(value.meanDelay, previous?.meanDelay, signedNumber)}
      />
      <Metric
        name="on time"
        text={onTime(value).toFixed(1)}
        unit="%"
        change={change(onTime(value), previous && onTime(previous), signedNumber)}
      />
    </dl>
  );
}
