import { type Deployment, NOTED_WINDOW_MS } from "../app.js";
import type { Ended } from "../engine/backend.js";
import type { Commit } from "../engine/store.js";
import { must } from "./violation.js";

/** Convex takes times of scheduled functions in seconds, and rounding shortens them. */
const ROUNDING_MS = 1;
/** The target of an effect with `trailing`, and the mutation that raises it. */
export const TARGET = "app:noted";
const RAISER = "app:refresh";

/** After each effect with `trailing` its target runs, and its runs are a window apart. */
export class TrailingRuns {
  /** When the last run is to start. */
  private last = Number.NEGATIVE_INFINITY;

  onCommit({ changes }: Commit): void {
    for (const { table, before, after } of changes) {
      if (table !== "_scheduled_functions" || before !== null || after?.name !== TARGET) continue;
      const scheduledTime = Number(after.scheduledTime);
      const pause = scheduledTime - this.last;
      must(pause >= NOTED_WINDOW_MS - ROUNDING_MS, () => `${TARGET} runs again after ${pause} ms.`);
      this.last = scheduledTime;
    }
  }

  onEnd({ path, result, begunAt }: Ended<Deployment>): void {
    if (path !== RAISER || "error" in result) return;
    const afterMs = this.last - begunAt;
    const isInTime = afterMs >= -ROUNDING_MS && afterMs <= NOTED_WINDOW_MS;
    must(isInTime, () => `${TARGET} runs ${afterMs} ms after it was raised.`);
  }
}
