import { useMutation } from "convex/react";
import { useState } from "react";
import { api } from "../convex/_generated/api";

const DELAY_MINUTES = 180;
const BURST = 20;

interface Props {
  origin: string;
  destination: string;
}

/** Writes flights; nothing here knows that a view depends on them. */
export function AddFlights({ origin, destination }: Props) {
  const add = useMutation(api.flights.add);
  const [failure, setFailure] = useState<string>();

  const write = (count: number) => {
    setFailure(undefined);
    add({ origin, destination, delay: DELAY_MINUTES, count }).catch((error: unknown) =>
      setFailure(error instanceof Error ? error.message : String(error)),
    );
  };

  return (
    <footer className="card__actions">
      <button type="button" className="button button--primary" onClick={() => write(1)}>
        Add a delayed flight
      </button>
      <button type="button" className="button" onClick={() => write(BURST)}>
        {BURST} flights at once
      </button>
      <p className="card__route">
        to {destination}, {DELAY_MINUTES / 60} h late
      </p>
      {failure && (
        <p className="card__failure" role="alert">
          {failure}
        </p>
      )}
    </footer>
  );
}
