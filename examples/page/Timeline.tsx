import { EpisodeEntry } from "./EpisodeEntry";
import { Notice } from "./Notice";
import { stepDetail, stepName } from "./storyText";
import { TotalsGrid } from "./TotalsGrid";
import type { TraceStory } from "./useStory";

const REAL_INTERVAL_SECONDS = 5;
const OPEN_EPISODES = 2;

/** What happened behind the cards, newest first. */
export function Timeline({ trace: { status, story } }: { trace: TraceStory }) {
  if (status === "absent") {
    return (
      <Notice>
        This deployment has no trace, so there is no timeline; <code>npm run demo</code> shows one.
      </Notice>
    );
  }
  const lastStep = story.episodes[0]?.steps.at(-1);
  return (
    <section className="timeline" aria-labelledby="timeline-title">
      <header className="timeline__header">
        <h2 id="timeline-title">Timeline</h2>
        <span className="timeline__status" data-status={status}>
          {status}
        </span>
      </header>
      <TotalsGrid totals={story.totals} />
      <p className="timeline__interval">{intervalNote()}</p>
      <p className="visually-hidden" aria-live="polite">
        {lastStep && `${stepName(lastStep.kind, lastStep)}: ${stepDetail(lastStep)}`}
      </p>
      <ol className="episodes">
        {story.episodes.map((episode, index) => (
          <EpisodeEntry key={episode.id} episode={episode} open={index < OPEN_EPISODES} />
        ))}
      </ol>
      {story.episodes.length === 0 && <Notice>Nothing has happened yet.</Notice>}
    </section>
  );
}

function intervalNote(): string {
  const real = `A real log stream delivers every ${REAL_INTERVAL_SECONDS} s`;
  const intervalMs = Number(import.meta.env.VITE_LOG_STREAM_INTERVAL_MS);
  return intervalMs > 0
    ? `${real}; the one of this demo delivers every ${intervalMs / 1_000} s.`
    : `${real}.`;
}
