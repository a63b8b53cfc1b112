import { signedNumber, wholeNumber } from "../shared/format";
import type { StatsValue } from "./stats";

/** The busiest routes, each with a bar for its flights and its mean delay. */
export function RouteBars({ routes }: { routes: StatsValue["routes"] }) {
  const busiest = Math.max(1, ...routes.map(({ flights }) => flights));
  return (
    <figure className="chart">
      <figcaption>
        Busiest routes <span>flights, delay</span>
      </figcaption>
      <ol className="routes">
        {routes.map(({ airport, flights, meanDelay }) => (
          <li key={airport}>
            <span className="routes__airport">{airport}</span>
            <svg className="routes__bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
              <rect className="track" width={100} height={8} />
              <rect className="bar" height={8} style={{ width: `${(flights / busiest) * 100}px` }} />
            </svg>
            <span className="routes__flights">{wholeNumber(flights)}</span>
            <span className="routes__delay">{signedNumber(meanDelay)}</span>
          </li>
        ))}
      </ol>
    </figure>
  );
}
