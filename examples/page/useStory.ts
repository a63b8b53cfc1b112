import { useEffect, useState } from "react";
import type { TraceEvent } from "../backend/trace";
import { emptyStory, follow, type Story } from "./story";

/** A deployment's story, and whether it tells one: only the embedded backend has a trace. */
export interface TraceStory {
  status: "connecting" | "live" | "absent";
  story: Story;
}

/**
 * Follows the deployment's trace for as long as the component lives. A new connection is told
 * everything from the start; one that was interrupted goes on where it was.
 */
export function useStory(deployment: string): TraceStory {
  const [trace, setTrace] = useState<TraceStory>({ status: "connecting", story: emptyStory() });
  useEffect(() => {
    const source = new EventSource(`${deployment}/_trace`);
    let story = emptyStory();
    const show = (status: TraceStory["status"]) => setTrace({ status, story });
    source.onopen = () => show("live");
    source.onmessage = ({ data }: MessageEvent<string>) => {
      story = follow(story, JSON.parse(data) as TraceEvent);
      show("live");
    };
    source.onerror = () => show(source.readyState === EventSource.CLOSED ? "absent" : "connecting");
    return () => source.close();
  }, [deployment]);
  return trace;
}
