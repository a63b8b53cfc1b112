import { useCallback } from "react";
import type { TraceEvent } from "../../backend/trace";
import { type Activity, followActivity, noActivity, type Scope } from "./activity";
import { clockTime } from "./format";
import { Notice } from "./Notice";
import { TracePanel } from "./TracePanel";
import { TransportNote } from "./TransportNote";
import { useTrace } from "./useTrace";

interface Props {
  deployment: string;
  /** What of the deployment is told; a constant, so that the feed is not read anew at each render. */
  scope: Scope;
}

/** What happened behind an example, line by line, newest first. */
export function ActivityFeed({ deployment, scope }: Props) {
  const follow = useCallback(
    (activity: Activity, event: TraceEvent) => followActivity(activity, event, scope),
    [scope],
  );
  const { status, known } = useTrace(deployment, noActivity, follow);
  return (
    <TracePanel title="Activity" status={status}>
      <TransportNote />
      <ol className="panel__list activities">
        {known.lines.map(({ id, at, kind, subject, text, about, times }) => (
          <li key={id} className="activity" data-kind={kind}>
            <span className="activity__subject">{subject}</span>
            <time className="activity__time" dateTime={new Date(at).toISOString()}>
              {clockTime(at)}
            </time>
            <p className="activity__text">
              {text}
              {times > 1 && <span className="activity__times"> ×{times}</span>}
              {about && (
                <span className="activity__about" title={about}>
                  {about}
                </span>
              )}
            </p>
          </li>
        ))}
      </ol>
      {known.lines.length === 0 && <Notice>Nothing has happened yet.</Notice>}
    </TracePanel>
  );
}
