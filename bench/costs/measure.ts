import { inProcesses } from "../../tests/simulation/engine/pool";
import { compileStrategies } from "./isolates";
import { invalidateRows, type MassFigures } from "./mass";
import type { Recording } from "./player";
import { CELLS, type Cell, type SectionName } from "./scenarios";

export type Measured = Cell & { recording: Recording };

/** What each strategy took for each workload, by the question that it is asked for. */
export type CostRecordings = Record<SectionName, Measured[]> & { mass: MassFigures };

const ROWS = 1_000_000;
const WORKER = new URL("worker.ts", import.meta.url);

/** Plays every workload to every strategy, on every core. */
export async function measureCosts(): Promise<CostRecordings> {
  const sections = Object.entries(CELLS) as [SectionName, Cell[]][];
  const tasks = sections.flatMap(([section, cells]) => cells.map((cell) => ({ section, ...cell })));
  const recordings = await inProcesses<Cell, Recording>(
    WORKER,
    tasks.map(({ strategy, workload }) => ({ strategy, workload })),
  );
  const measured = Object.fromEntries(
    sections.map(([name]) => [
      name,
      tasks.flatMap(({ section, ...cell }, i) =>
        section === name ? [{ ...cell, recording: recordings[i] as Recording }] : [],
      ),
    ]),
  ) as Record<SectionName, Measured[]>;
  return { ...measured, mass: await invalidateRows(ROWS, await compileStrategies()) };
}
