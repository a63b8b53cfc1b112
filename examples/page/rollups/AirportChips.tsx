import type { Airport } from "./stats";

interface Props {
  airports: Airport[];
  chosen: string[];
  onToggle: (code: string) => void;
}

/** Chooses the airports to show. Only shown airports are read, and only rows that are read are computed. */
export function AirportChips({ airports, chosen, onToggle }: Props) {
  return (
    <fieldset className="chips">
      <legend className="visually-hidden">Airports to show</legend>
      {airports.map(({ code, city }) => (
        <button
          key={code}
          type="button"
          className="chip"
          aria-pressed={chosen.includes(code)}
          onClick={() => onToggle(code)}
        >
          <span className="chip__code">{code}</span>
          <span className="chip__city">{city}</span>
        </button>
      ))}
    </fieldset>
  );
}
