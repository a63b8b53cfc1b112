import type { Isolates } from "../../tests/simulation/engine/backend";
import { serveTasks } from "../../tests/simulation/engine/pool";
import { compileStrategies } from "./isolates";
import { type Deployment, play, type Recording } from "./player";
import { type Cell, makeWorkload } from "./scenarios";
import { strategy } from "./strategies";

let isolates: Isolates<Deployment> | undefined;

serveTasks(async (cell: Cell): Promise<Recording> => {
  isolates ??= await compileStrategies();
  return await play(strategy(cell.strategy), makeWorkload(cell.workload), isolates);
});
