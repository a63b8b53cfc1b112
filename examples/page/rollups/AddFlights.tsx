import { useMutation } from "convex/react";
import { api } from "../../convex/_generated/api";
import { ActionRow } from "../shared/ActionRow";

const DELAY_MINUTES = 180;
const BURST = 20;

interface Props {
  origin: string;
  destination: string;
}

/** Writes flights. This code does not know that a view depends on them. */
export function AddFlights({ origin, destination }: Props) {
  const add = useMutation(api.rollups.flights.add);
  const write = (count: number) => add({ origin, destination, delay: DELAY_MINUTES, count });
  return (
    <ActionRow
      actions={[
        { label: "Add a delayed flight", run: () => write(1) },
        { label: `${BURST} flights at once`, run: () => write(BURST) },
      ]}
      note={`to ${destination}, ${DELAY_MINUTES / 60} h late`}
    />
  );
}
