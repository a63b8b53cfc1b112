import { wholeNumber } from "./format";

interface Props {
  /** What is counted, such as "documents read". */
  caption: string;
  /** The ways to compare. A count is null until it is known. */
  bars: { name: string; count: number | null }[];
}

/** Compares the costs of several ways to do the same, as bars with one scale. */
export function ComparisonBars({ caption, bars }: Props) {
  const highest = Math.max(1, ...bars.map(({ count }) => count ?? 0));
  return (
    <figure className="comparison">
      <figcaption>{caption}</figcaption>
      <dl>
        {bars.map(({ name, count }) => (
          <div key={name} className="comparison__row">
            <dt>{name}</dt>
            <dd>
              <span className="comparison__track" aria-hidden="true">
                <span className="comparison__bar" style={{ width: `${((count ?? 0) / highest) * 100}%` }} />
              </span>
              <span className="comparison__count">{count === null ? "–" : wholeNumber(count)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </figure>
  );
}
