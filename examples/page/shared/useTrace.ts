import { useEffect, useState } from "react";
import type { TraceEvent } from "../../backend/trace";

/** Whether the deployment has a trace: only the embedded backend does. */
export type TraceStatus = "connecting" | "live" | "absent";

/**
 * Follows the deployment's trace, event by event, while the component is mounted. A new connection gets all
 * events from the start; after an interruption, it continues where it was.
 *
 * @param empty - The value before the first event. A change of it or of `follow` starts anew.
 * @param follow - Returns the value after one more event.
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
