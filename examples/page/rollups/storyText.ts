/** The words of a story, for the page's timeline and the terminal's tour. */
import type { Episode, Step, StepKind } from "./story";

const stepNames: Record<StepKind, string> = {
  write: "Write",
  read: "Read stale",
  effect: "Effect raised",
  delivery: "Delivered",
  dispatch: "Dispatched",
  recompute: "Recomputed",
  fresh: "Fresh",
};

/** What an episode is about: its cause. */
export function episodeTitle({ steps }: Episode): string {
  const [cause] = steps;
  if (cause?.kind === "write") {
    const { flights, mutations, airports } = cause;
    const written = flights === 1 ? "1 delayed flight" : `${flights} delayed flights`;
    const times = mutations === 1 ? "" : ` in ${mutations} writes`;
    return `${written}${times}, ${airports.join(" to ")}`;
  }
  const read = steps.find((step) => step.kind === "read");
  const airports = list(read ?? cause);
  return read?.state === "missing" ? `First read of ${airports}` : `Read of ${airports}`;
}

/** The name of a step that was made, or of one to come. */
export function stepName(kind: StepKind, step?: Step): string {
  return step?.kind === "read" ? `Read ${step.state}` : stepNames[kind];
}

/** What happened in the step. */
export function stepDetail(step: Step): string {
  const airports = list(step);
  switch (step.kind) {
    case "write":
      return `${airports} marked`;
    case "read":
      return step.state === "stale" ? `${airports}: old value` : airports;
    case "effect":
      return "by the query itself";
    case "delivery":
      return `by the ${step.by}`;
    case "dispatch":
      return "one for each row";
    case "recompute":
      return step.postponed ? `${airports}, at the window's end` : `${airports}, once`;
    case "fresh":
      return "pushed to the readers";
  }
}

function list(step: Step | undefined): string {
  return step?.airports.join(", ") ?? "";
}
