import { serveTasks } from "../tests/simulation/engine/pool";
import { MEASUREMENTS, type MeasurementName } from "./measurements";
import type { Sizes } from "./sizes";

/** One of the measurements, to be made in a process of its own. */
export interface Task {
  name: MeasurementName;
  sizes: Sizes;
}

serveTasks(async ({ name, sizes }: Task) => await MEASUREMENTS[name](sizes));
