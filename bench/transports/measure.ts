import { inProcesses } from "../../tests/simulation/engine/pool";
import type { TailUses } from "./tail";
import type { Part } from "./worker";

/** How often what is measured. */
export interface TransportSizes {
  subscribers: number;
  /** Writes whose way to the subscribers is timed, for each transport … */
  writes: number;
  /** … and for the log tail of writes that find none that reads. */
  startingWrites: number;
  /** How long a busy deployment is watched, and one that does nothing, in seconds. */
  busySeconds: number;
  idleSeconds: number;
}

/** What the log tail adds to what an app calls, and to the seconds of its actions. */
export interface TailUse {
  calls: number;
  seconds: number;
}

/** Medians of times from the call of a mutation until all subscribers have the new value, in ms. */
export interface Freshness {
  logTail: number;
  /** … when no tail reads, so that the write has to start one. */
  logTailStarting: number;
  logStream: number;
  client: number;
}

export interface TransportFigures {
  subscribers: number;
  freshAfterMs: Freshness;
  tail: TailUses;
}

const WORKER = new URL("worker.ts", import.meta.url);

/**
 * On the embedded backend, with real functions, in real time: most of which is waiting, so each transport has a process
 * of its own, and all run at once.
 */
export async function measureTransports(sizes: TransportSizes): Promise<TransportFigures> {
  const parts = (["logTail", "busy", "logStream", "client"] as const).map((part) => ({ part, sizes }));
  const answers = await inProcesses<{ part: Part; sizes: TransportSizes }, object>(WORKER, parts, {
    processes: parts.length,
  });
  // Without a signal, every task is answered.
  const [{ uses, ...tail }, { aBusySecond }, logStream, client] = answers as [
    { uses: Omit<TailUses, "aBusySecond"> } & Pick<Freshness, "logTail" | "logTailStarting">,
    Pick<TailUses, "aBusySecond">,
    Pick<Freshness, "logStream">,
    Pick<Freshness, "client">,
  ];
  return {
    subscribers: sizes.subscribers,
    freshAfterMs: { ...tail, ...logStream, ...client },
    tail: { ...uses, aBusySecond },
  };
}
