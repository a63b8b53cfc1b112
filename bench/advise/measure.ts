import { callsOf } from "../../src/cli/advise/calls";
import { observe } from "../../src/cli/advise/observation";
import { type Prediction, predict, type Verdict } from "../../src/cli/advise/predict";
import type { LogEntry } from "../../src/cli/functionLog";
import type { Isolates } from "../../tests/simulation/engine/backend";
import { type Deployment, play, type Recording } from "../costs/player";
import { makeWorkload, mixOf, type WorkloadName, watchedBy } from "../costs/scenarios";
import { strategy } from "../costs/strategies";
import type { Workload } from "../costs/workload";
import { toLogEntry } from "./log";

/** What `advise` predicts from the log of an app that computes in the query, and what a view then takes. */
export interface Advised {
  workload: string;
  verdict: Verdict;
  /** Documents that the query takes without a view … */
  inQuery: number;
  /** … and of a tracked view in its place: as predicted, and as measured. */
  predicted: number;
  measured: number;
}

/** The window of the views of the model. */
const WINDOW_MS = 10_000;

const mixed = (keys: number, ratio: number, events: number): WorkloadName => ({ ...mixOf(ratio), keys, events });

/** Workloads of the quick form … */
export const QUICK_ADVISED: Record<string, WorkloadName> = {
  "1 key, 1:1": mixed(1, 1, 1_000),
  "5 keys, 1:1": mixed(5, 1, 1_000),
  "50 keys, 10:1": mixed(50, 10, 2_000),
  "1 key, watched": watchedBy(5),
};

/** … and of the full one. */
export const ADVISED: Record<string, WorkloadName> = {
  ...QUICK_ADVISED,
  "50 keys, 1:1": mixed(50, 1, 2_000),
  "500 keys, 1:1": mixed(500, 1, 2_000),
  "5 keys, 10:1": mixed(5, 10, 1_500),
  "50 keys, 1:10": mixed(50, 0.1, 2_000),
};

/** Plays each workload twice: with the query, and with a view in its place. */
export async function measureAdvice(
  workloads: Record<string, WorkloadName>,
  isolates: Isolates<Deployment>,
): Promise<Advised[]> {
  const advised: Advised[] = [];
  for (const [name, workload] of Object.entries(workloads)) {
    advised.push({ workload: name, ...(await adviseOn(makeWorkload(workload), isolates)) });
  }
  return advised;
}

async function adviseOn(workload: Workload, isolates: Isolates<Deployment>): Promise<Omit<Advised, "workload">> {
  const entries: LogEntry[] = [];
  const bare = documentsOf(await play(strategy("bare"), workload, isolates));
  const inQuery = documentsOf(
    await play(strategy("inQuery"), workload, isolates, (run) => entries.push(toLogEntry(run, entries.length))),
  );
  const view = documentsOf(await play(strategy("lazyTracked"), workload, isolates));
  const observation = observe(callsOf(entries), { windowMs: WINDOW_MS });
  const { verdict, estimate } = predict(observation, WINDOW_MS)[0] as Prediction;
  const days = (observation.until - observation.from) / 86_400_000;
  return {
    verdict,
    inQuery: inQuery - bare,
    predicted: Math.round((estimate?.withViewADay.documents ?? 0) * days),
    measured: view - bare,
  };
}

function documentsOf({ amounts }: Recording): number {
  return amounts.documentsRead + amounts.documentsWritten;
}

/** The accuracy of predictions: the least and the most of predicted / measured documents. */
export function adviceErrors(advised: readonly Advised[]) {
  const ratios = advised.map(({ predicted, measured }) => predicted / measured);
  const isWrong = ({ verdict, inQuery, measured }: Advised) => verdict !== "no gain" && measured >= inQuery;
  return { least: Math.min(...ratios), most: Math.max(...ratios), wrong: advised.filter(isWrong).length };
}
