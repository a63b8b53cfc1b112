import { wholeNumber } from "../shared/format";

interface Props {
  units: number;
  limit: number;
}

/** The used share of an account's limit. */
export function UsageBar({ units, limit }: Props) {
  const share = Math.min(1, units / limit);
  return (
    <div className="usage" data-over={units > limit}>
      <p className="usage__text">
        <strong>{wholeNumber(units)}</strong> of {wholeNumber(limit)} units
      </p>
      <div className="usage__track" aria-hidden="true">
        <div className="usage__bar" style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}
