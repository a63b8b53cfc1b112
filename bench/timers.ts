/**
 * Runs `work` while no timer that is started meanwhile ends; they are started when `work` has ended. Under
 * convex-test this keeps scheduled functions from running, as a busy deployment would.
 */
export async function withTimersHeld(work: () => Promise<void>): Promise<void> {
  const start = globalThis.setTimeout;
  const held: Parameters<typeof start>[] = [];
  globalThis.setTimeout = ((...timer: Parameters<typeof start>) => {
    held.push(timer);
  }) as unknown as typeof start;
  try {
    await work();
  } finally {
    globalThis.setTimeout = start;
    for (const timer of held) start(...timer);
  }
}
