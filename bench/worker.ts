import { serveTasks } from "../tests/simulation/engine/pool";
import { MEASUREMENTS, type MeasurementName } from "./measurements";
import type { Sizes } from "./sizes";

/** A measurement for a process of its own. */
export interface Task {
  name: MeasurementName;
  sizes: Sizes;
}

serveTasks(async ({ name, sizes }: Task) => await MEASUREMENTS[name](sizes));
