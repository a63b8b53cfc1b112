/**
 * Holds back all timers that `work` sets, and starts them when `work` has ended. Under convex-test this delays
 * scheduled functions, as a busy deployment does.
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
