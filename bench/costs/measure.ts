import { inProcesses, type PoolOptions } from "../../tests/simulation/engine/pool";
import type { MassFigures } from "./mass";
import type { Recording } from "./player";
import type { Cell, Cells, SectionName } from "./scenarios";

export type Measured = Cell & { recording: Recording };

/** What each strategy took for each workload, by section of the report. */
export type CostRecordings = Record<SectionName, Measured[]> & { mass: MassFigures };

const WORKER = new URL("worker.ts", import.meta.url);

/**
 * Plays workloads to strategies, on every core.
 *
 * @returns What each took. When the signal aborts, only the sections that are complete.
 */
export async function measureCosts(
  cells: Cells,
  options: PoolOptions<Recording>,
): Promise<Partial<Record<SectionName, Measured[]>>> {
  const sections = Object.entries(cells) as [SectionName, Cell[]][];
  const tasks = sections.flatMap(([, cells]) => cells);
  const recordings = await inProcesses<Cell, Recording>(WORKER, tasks, options);
  const recordingOf = new Map(tasks.map((cell, i) => [cell, recordings[i]]));
  return Object.fromEntries(
    sections.flatMap(([name, cells]) => {
      const measured = cells.flatMap((cell): Measured[] => {
        const recording = recordingOf.get(cell);
        return recording === undefined ? [] : [{ ...cell, recording }];
      });
      return measured.length === cells.length ? [[name, measured]] : [];
    }),
  );
}
