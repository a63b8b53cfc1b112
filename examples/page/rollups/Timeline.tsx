import { Notice } from "../shared/Notice";
import { TracePanel } from "../shared/TracePanel";
import { TransportNote } from "../shared/TransportNote";
import { useTrace } from "../shared/useTrace";
import { EpisodeEntry } from "./EpisodeEntry";
import { emptyStory, follow } from "./story";
import { stepDetail, stepName } from "./storyText";
import { TotalsGrid } from "./TotalsGrid";

const OPEN_EPISODES = 2;

const nothingYet = emptyStory();

/** What happened behind the cards, newest first. */
export function Timeline({ deployment }: { deployment: string }) {
  const { status, known: story } = useTrace(deployment, nothingYet, follow);
  const lastStep = story.episodes[0]?.steps.at(-1);
  return (
    <TracePanel title="Timeline" status={status}>
      <TotalsGrid totals={story.totals} />
      <TransportNote />
      <p className="visually-hidden" aria-live="polite">
        {lastStep && `${stepName(lastStep.kind, lastStep)}: ${stepDetail(lastStep)}`}
      </p>
      <ol className="panel__list">
        {story.episodes.map((episode, index) => (
          <EpisodeEntry key={episode.id} episode={episode} open={index < OPEN_EPISODES} />
        ))}
      </ol>
      {story.episodes.length === 0 && <Notice>Nothing has happened yet.</Notice>}
    </TracePanel>
  );
}
