import { wholeNumber } from "../shared/format";
import type { StatsValue } from "./stats";

type Bin = StatsValue["histogram"][number];

const WIDTH = 240;
const HEIGHT = 112;
const GAP = 3;
/** From this delay on, a flight counts as late. */
const LATE_MINUTES = 15;

/** The number of flights by delay. The bounds of the bins are between the bars. */
export function Histogram({ bins }: { bins: Bin[] }) {
  const tallest = Math.max(1, ...bins.map(({ flights }) => flights));
  const step = WIDTH / bins.length;
  return (
    <figure className="chart">
      <figcaption>
        Delay, minutes <span className="chart__late">late from {LATE_MINUTES}</span>
      </figcaption>
      <svg
        className="histogram"
        viewBox={`0 0 ${WIDTH} ${HEIGHT + 18}`}
        role="img"
        aria-label={bins.map((bin) => `${range(bin)}: ${wholeNumber(bin.flights)}`).join("; ")}
      >
        <line className="axis" x1={0} x2={WIDTH} y1={HEIGHT + 0.5} y2={HEIGHT + 0.5} />
        {bins.map((bin, index) => {
          const height = bin.flights === 0 ? 0 : Math.max(2, (bin.flights / tallest) * HEIGHT);
          return (
            <rect
              key={`${bin.from}`}
              className={isLate(bin) ? "bar bar--late" : "bar"}
              x={index * step + GAP / 2}
              width={step - GAP}
              rx={2}
              style={{ y: `${HEIGHT - height}px`, height: `${height}px` }}
            >
              <title>{`${range(bin)}: ${wholeNumber(bin.flights)} flights`}</title>
            </rect>
          );
        })}
        {bins.slice(1).map(({ from }, index) => (
          <text key={from} className="tick" x={(index + 1) * step} y={HEIGHT + 14}>
            {from}
          </text>
        ))}
      </svg>
    </figure>
  );
}

function isLate({ from }: Bin): boolean {
  return from !== null && from >= LATE_MINUTES;
}

function range({ from, to }: Bin): string {
  if (from === null) return `under ${to} min`;
  if (to === null) return `${from} min or more`;
  return `${from} to ${to} min`;
}
