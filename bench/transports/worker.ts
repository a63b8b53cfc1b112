import { serveTasks } from "../../tests/simulation/engine/pool";
import { measureFreshness } from "./freshness";
import type { TransportSizes } from "./measure";
import { measureBusy, measureTail } from "./tail";

export type Part = "logTail" | "busy" | "logStream" | "client";

serveTasks(async ({ part, sizes }: { part: Part; sizes: TransportSizes }): Promise<object> => {
  if (part === "logTail") return await measureTail(sizes);
  if (part === "busy") return await measureBusy(sizes.busySeconds);
  return { [part]: await measureFreshness(part, sizes) };
});
