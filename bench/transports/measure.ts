import { inProcesses } from "../../tests/simulation/engine/pool";
import type { TailUses } from "./tail";
import type { Part } from "./worker";

export interface TransportSizes {
  subscribers: number;
  /** Timed writes for each transport … */
  writes: number;
  /** … and for the log tail: writes that come while no tail reads the log. */
  startingWrites: number;
  /** How long a busy and an idle deployment are measured, in seconds. */
  busySeconds: number;
  idleSeconds: number;
}

/** The calls and the seconds of actions that the log tail adds to an app. */
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
 * Measures on the embedded backend, in real time. Most of it is waiting, so all transports run at once, each in a
 * process of its own.
 */
export async function measureTransports(sizes: TransportSizes): Promise<TransportFigures> {
  const parts = (["logTail", "busy", "logStream", "client"] as const).map((part) => ({ part, sizes }));
  const answers = await inProcesses<{ part: Part; sizes: TransportSizes }, object>(WORKER, parts, {
    processes: parts.length,
  });
  // Nothing aborts it, so every task has an answer.
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
