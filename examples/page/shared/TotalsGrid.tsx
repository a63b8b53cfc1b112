import { wholeNumber } from "../shared/format";
import type { Totals } from "./story";

const names: Record<keyof Totals, string> = {
  hits: "hits",
  staleReads: "stale reads",
  misses: "misses",
  effects: "effects raised",
  deliveries: "deliveries",
  dispatched: "dispatched",
  duplicates: "duplicates dropped",
  recomputes: "recomputes",
};

export function TotalsGrid({ totals }: { totals: Totals }) {
  return (
    <dl className="totals">
      {(Object.keys(names) as (keyof Totals)[]).map((name) => (
        <div key={name} className="total">
          <dt>{names[name]}</dt>
          <dd>{wholeNumber(totals[name])}</dd>
        </div>
      ))}
    </dl>
  );
}
