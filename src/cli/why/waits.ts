import { MAX_ATTEMPTS } from "../../effects/ledger.js";
import type { Explanation } from "../../views/explain.js";
import { clockText, spanText } from "../words.js";
import type { StoryEvent } from "./story.js";

/** A log stream delivers after 5 s, and tries again for some time. An effect that takes longer than this is lost. */
const LOST_AFTER_MS = 60_000;

/** What the row waits for now, and until when, as sentences, the most important first. */
export function waitsFor(
  { state, computedAt, marked, waits }: Explanation,
  story: readonly StoryEvent[],
  now: number,
): string[] {
  const { announcedUntil, windowEndsAt, jobAt, failure, run, isQueued } = waits;
  if (state === "fresh") return ["It waits for nothing: the row is fresh."];
  const until = (at: number) =>
    at > now ? `${clockText(at)}, in ${spanText(at - now)}` : `${clockText(at)}, which has passed`;
  const sentences: string[] = [];
  if (failure) {
    sentences.push(
      `Its compute has failed ${failure.attempts} times in a row: ${failure.message} ` +
        (failure.attempts >= MAX_ATTEMPTS
          ? `A reader or the heartbeat starts the next attempt, after ${until(failure.retryAt)}.`
          : `The next attempt starts at ${until(failure.retryAt)}.`),
    );
  }
  if (run)
    sentences.push(`A run computes it, since ${clockText(run.startedAt)}: ${spanText(now - run.startedAt)} by now.`);
  if (isQueued)
    sentences.push("It waits for its turn: as many recomputes of the view as maxParallel allows are running.");
  if (jobAt !== null && !failure) {
    sentences.push(
      jobAt > now
        ? `A recompute is scheduled for the end of its window: ${until(jobAt)}.`
        : `A recompute was scheduled for ${clockText(jobAt)}, the end of its window. Convex has not started it yet.`,
    );
  }
  if (announcedUntil !== null && announcedUntil > now) {
    sentences.push(
      `A write has scheduled a recompute. If it does not come, readers ask again after ${until(announcedUntil)}.`,
    );
  }
  const raised = story.filter(({ step }) => step === "effect").at(-1);
  const dispatched = story.some(({ step, at }) => step === "dispatch" && raised !== undefined && at >= raised.at);
  if (sentences.length > 0) return sentences;
  const windowEnd = windowEndsAt !== null && windowEndsAt > now ? windowEndsAt : null;
  // If the window is that of the recompute that committed the row, no reader has asked since.
  const isAsked = computedAt === null || (dispatched && raised !== undefined && raised.at > computedAt);
  if (windowEnd !== null && isAsked) {
    return [
      `A recompute was dispatched and starts at once. Its window, in which repetitions are dropped, ends at ${until(windowEnd)}.`,
    ];
  }
  if (raised && !dispatched && raised.at > (computedAt ?? 0)) {
    const waited = now - raised.at;
    if (waited < LOST_AFTER_MS)
      return [`It waits for the effect to be dispatched, which was raised ${spanText(waited)} ago.`];
    return [
      `The effect that was raised ${spanText(waited)} ago has not been dispatched, and seems lost. ` +
        "npx convex-lazy-views doctor checks the transport. It is raised again after the next change, or by the heartbeat.",
    ];
  }
  if (state === "missing") return ["It waits for a reader: the key has no value yet, and the first read computes it."];
  const waiting = marked ? `It has waited for a reader since ${clockText(marked.at)}` : "It waits for a reader";
  const sooner =
    windowEnd === null
      ? ""
      : ` Its window is open: a recompute that a reader asks for now starts at ${until(windowEnd)}.`;
  return [`${waiting}: a row is recomputed only when it is read while it is ${state}.${sooner}`];
}
