import { clockTime, duration } from "../shared/format";
import { type Episode, hasReaders, type StepKind, stepKinds, unread } from "./story";
import { episodeTitle, stepDetail, stepName } from "./storyText";
import { Waterfall } from "./Waterfall";

/** One episode: its steps with their times, and the steps it still waits for. */
export function EpisodeEntry({ episode, open }: { episode: Episode; open: boolean }) {
  const { steps, endedAt } = episode;
  const start = steps[0]?.at ?? 0;
  const last = steps.at(-1);
  const ahead = endedAt === undefined && last ? stepKinds.slice(rankOf(last.kind) + 1) : [];
  const isRead = hasReaders(episode);
  const left = isRead && endedAt === undefined ? [] : unread(episode);

  return (
    <li className="episode" data-over={endedAt !== undefined}>
      <details open={open}>
        <summary>
          <span className="episode__title">{episodeTitle(episode)}</span>
          <span className="episode__total">
            {endedAt !== undefined ? duration(endedAt - start) : isRead ? "running" : "unread"}
          </span>
          <Waterfall steps={steps} />
        </summary>
        <ol className="steps">
          {steps.map((step, index) => (
            <li key={step.kind} className="step" data-step={step.kind}>
              <span className="step__name">{stepName(step.kind, step)}</span>
              <span className="step__detail">{stepDetail(step)}</span>
              <span className="step__gap">{gap(steps[index - 1]?.at, step.at)}</span>
              <time className="step__time" dateTime={new Date(step.at).toISOString()}>
                {clockTime(step.at)}
              </time>
            </li>
          ))}
          {ahead.map((kind) => (
            <li key={kind} className="step step--ahead">
              <span className="step__name">{stepName(kind)}</span>
            </li>
          ))}
        </ol>
        {left.length > 0 && (
          <p className="episode__unread">{left.join(" and ")} is stale, but no client reads it: nothing is computed.</p>
        )}
      </details>
    </li>
  );
}

function gap(before: number | undefined, at: number): string {
  return before === undefined ? "" : `+${duration(Math.max(0, at - before))}`;
}

function rankOf(kind: StepKind): number {
  return stepKinds.indexOf(kind);
}
