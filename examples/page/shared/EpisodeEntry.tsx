import { clockTime, duration } from "./format";
import { type Episode, hasReaders, isOver, type NameOf, type StepKind, stepKinds, unread } from "./story";
import { episodeTitle, keyOf, stepDetail, stepName, type Telling } from "./storyText";
import { Waterfall } from "./Waterfall";

interface Props {
  episode: Episode;
  telling: Telling;
  name: NameOf;
  open: boolean;
}

/** One episode: its steps, the time before each, and the steps that are still to come. */
export function EpisodeEntry({ episode, telling, name, open }: Props) {
  const { steps } = episode;
  const start = steps[0]?.at ?? 0;
  const last = steps.at(-1);
  const over = isOver(episode);
  const isRead = hasReaders(episode);
  const ahead = isRead && !over && last ? stepKinds.slice(rankOf(last.kind) + 1) : [];
  const left = isRead && !over ? [] : unread(episode);

  return (
    <li className="episode" data-over={isRead && over}>
      <details open={open}>
        <summary>
          <span className="episode__title">{episodeTitle(episode, telling, name)}</span>
          <span className="episode__total">{total(episode)}</span>
          <Waterfall steps={steps} />
        </summary>
        <p className="episode__time">
          <time dateTime={new Date(start).toISOString()}>{clockTime(start)}</time>
        </p>
        <ol className="steps">
          {steps.map((step, index) => (
            <li key={step.kind} className="step" data-step={step.kind}>
              <p>
                <strong className="step__name">{stepName(step.kind, step)}:</strong> {stepDetail(step, telling, name)}
              </p>
              <span className="step__gap">{gap(steps[index - 1]?.at, step.at)}</span>
            </li>
          ))}
          {ahead.map((kind) => (
            <li key={kind} className="step step--ahead">
              <p>{stepName(kind)} …</p>
            </li>
          ))}
        </ol>
        {!isRead && marksTag(episode) && (
          <p className="episode__unread">No query reads one of them now: nothing is recomputed until one does.</p>
        )}
        {left.length > 0 && (
          <p className="episode__unread">
            No query reads {telling.rows(left.map(keyOf), name)} now: nothing is recomputed until one does.
          </p>
        )}
      </details>
    </li>
  );
}

/** The duration of the episode, or its state. */
function total(episode: Episode): string {
  if (!hasReaders(episode)) return unread(episode).length > 0 || marksTag(episode) ? "unread" : "";
  const [start = 0, end = start] = [episode.steps[0]?.at, episode.steps.at(-1)?.at];
  return isOver(episode) ? duration(Math.max(0, end - start)) : "running";
}

function marksTag({ steps }: Episode): boolean {
  return steps.some((step) => step.kind === "write" && step.tags.length > 0);
}

function gap(before: number | undefined, at: number): string {
  return before === undefined ? "" : `+${duration(Math.max(0, at - before))}`;
}

function rankOf(kind: StepKind): number {
  return stepKinds.indexOf(kind);
}
