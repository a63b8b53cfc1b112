import { WAIT_LIMIT_MS } from "./limits";

const INTERVAL_MS = 10;

// Taken when this module loads: a test may replace the clock and its timers.
const { setTimeout: startTimer } = globalThis;

/**
 * Waits until an assertion holds, and returns its result. Unlike `vi.waitFor`, it does not advance fake time.
 *
 * ```ts
 * await eventually(() => expect(values.at(-1)).toEqual(["one"]));
 * ```
 *
 * @throws The assertion's last error, when it never holds.
 */
export async function eventually<T>(assertion: () => T | Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += INTERVAL_MS) {
    try {
      return await assertion();
    } catch (error) {
      if (waitedMs >= WAIT_LIMIT_MS) throw error;
    }
    await new Promise((resolve) => startTimer(resolve, INTERVAL_MS));
  }
}
