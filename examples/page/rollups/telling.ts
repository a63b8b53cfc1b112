import { field } from "../shared/field";
import { rowsOf, type Telling } from "../shared/storyText";

/** The words for the activity of the flights. */
export const telling: Telling = {
  folder: "rollups",
  views: ["airportStats", "networkStats"],
  rows: (keys) => rowsOf(keys.map(({ view, args }) => (view === "networkStats" ? "all airports" : airport(args)))),
  writes: {
    "rollups/flights:add": (args) => {
      const count = Number(field(args, "count") ?? 1);
      const flights = count === 1 ? "1 delayed flight" : `${count} delayed flights`;
      return `${flights}, ${field(args, "origin")} to ${field(args, "destination")}`;
    },
  },
  effects: {},
};

function airport(args: unknown): string {
  return String(field(args, "airport"));
}
