import { inProcesses } from "../tests/simulation/engine/pool";
import { Progress } from "../tools/progress";
import { type CostRecordings, measureCosts } from "./costs/measure";
import { type Figures, MEASUREMENTS, type MeasurementName } from "./measurements";
import type { Sizes } from "./sizes";
import type { Task } from "./worker";

/** The results. After an interruption, those that were complete by then. */
export interface Measured {
  figures: Partial<Figures>;
  recordings: Partial<CostRecordings>;
  /** The number of completed measurements; `total`: of all. */
  done: number;
  total: number;
}

const WORKER = new URL("worker.ts", import.meta.url);

/**
 * Measures everything in separate processes, which can be ended at any time: first the measurements that need an idle
 * machine, then the costs, on every core.
 */
export async function measure(sizes: Sizes, signal: AbortSignal): Promise<Measured> {
  const names = Object.keys(MEASUREMENTS) as MeasurementName[];
  const total = names.length + Object.values(sizes.cells).flat().length;
  const progress = new Progress({ program: "bench", steps: "measurements", total });
  let done = 0;
  const onAnswer = () => progress.update(++done);
  const answers = await inProcesses<Task, Figures[MeasurementName]>(
    WORKER,
    names.map((name) => ({ name, sizes })),
    { onAnswer, processes: 1, signal },
  );
  const figures: Partial<Figures> = Object.fromEntries(names.map((name, i) => [name, answers[i]]));
  const costs = await measureCosts(sizes.cells, { onAnswer, signal });
  progress.stop();
  return { figures, recordings: { ...costs, mass: figures.mass }, done, total };
}
