import { useEffect, useState } from "react";
import type { TraceEvent } from "../../backend/trace";

/** Whether the deployment tells what it does: only the embedded backend has a trace. */
export type TraceStatus = "connecting" | "live" | "absent";

/**
 * Follows the deployment's trace for as long as the component lives, event by event. A new connection is
 * told everything from the start; one that was interrupted goes on where it was.
 *
 * @param empty - What is known before the first event. It and `follow` start anew when they change.
 * @param follow - What is known with one more event.
 */
export function useTrace<Known>(
  deployment: string,
  empty: Known,
  follow: (known: Known, event: TraceEvent) => Known,
): { status: TraceStatus; known: Known } {
  const [trace, setTrace] = useState({ status: "connecting" as TraceStatus, known: empty });
  useEffect(() => {
    const source = new EventSource(`${deployment}/_trace`);
    let known = empty;
    const show = (status: TraceStatus) => setTrace({ status, known });
    source.onopen = () => show("live");
    source.onmessage = ({ data }: MessageEvent<string>) => {
      known = follow(known, JSON.parse(data) as TraceEvent);
      show("live");
    };
    source.onerror = () => show(source.readyState === EventSource.CLOSED ? "absent" : "connecting");
    return () => source.close();
  }, [deployment, empty, follow]);
  return trace;
}
