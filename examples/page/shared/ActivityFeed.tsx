import { useCallback } from "react";
import type { TraceEvent } from "../../backend/trace";
import { EpisodeEntry } from "./EpisodeEntry";
import { Notice } from "./Notice";
import { emptyStory, follow, type NameOf, type Story } from "./story";
import { episodeTitle, stepDetail, stepName, type Telling } from "./storyText";
import { TotalsGrid } from "./TotalsGrid";
import { TracePanel } from "./TracePanel";
import { TransportNote } from "./TransportNote";
import { useTrace } from "./useTrace";

interface Props {
  deployment: string;
  /** Which activity to show, and its words. Pass a constant: another object starts the story anew. */
  telling: Telling;
}

const OPEN_EPISODES = 2;

const nothingYet = emptyStory();

/** The activity behind an example, in words, newest first. */
export function ActivityFeed({ deployment, telling }: Props) {
  const next = useCallback((story: Story, event: TraceEvent) => follow(story, event, telling), [telling]);
  const { status, known: story } = useTrace(deployment, nothingYet, next);
  const name: NameOf = (id) => story.names[String(id)] ?? "one without a name";
  const [newest] = story.episodes;
  const last = newest?.steps.at(-1);
  const latest = last && `${stepName(last.kind, last)}: ${stepDetail(last, telling, name)}`;
  return (
    <TracePanel title="Activity" status={status} latest={newest && `${episodeTitle(newest, telling, name)}. ${latest}`}>
      <TotalsGrid totals={story.totals} />
      <TransportNote />
      <p className="visually-hidden" aria-live="polite">
        {latest}
      </p>
      <ol className="panel__list">
        {story.episodes.map((episode, index) => (
          <EpisodeEntry key={episode.id} episode={episode} telling={telling} name={name} open={index < OPEN_EPISODES} />
        ))}
        {story.episodes.length === 0 && (
          <li>
            <Notice>Nothing has happened yet.</Notice>
          </li>
        )}
      </ol>
    </TracePanel>
  );
}
