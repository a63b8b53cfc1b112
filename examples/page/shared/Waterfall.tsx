import { duration } from "./format";
import type { Step } from "./story";
import { stepName } from "./storyText";

/** The time line of an episode: one segment for the time before each step. */
export function Waterfall({ steps }: { steps: Step[] }) {
  const start = steps[0]?.at ?? 0;
  const total = Math.max(1, (steps.at(-1)?.at ?? start) - start);
  return (
    <svg className="waterfall" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      <rect className="track" width={100} height={4} />
      {steps.slice(1).map((step, index) => {
        const from = steps[index]?.at ?? start;
        const wait = Math.max(0, step.at - from);
        return (
          <rect
            key={step.kind}
            data-step={step.kind}
            x={((from - start) / total) * 100}
            width={(wait / total) * 100}
            height={4}
          >
            <title>{`${stepName(step.kind, step)} after ${duration(wait)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}
