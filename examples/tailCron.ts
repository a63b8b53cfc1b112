import { type AdministeredDeployment, runAsAdmin } from "./admin";
import { internal } from "./convex/_generated/api";

/** How often the demo, the tour and `npm run e2e` make sure that a tail reads the log, in ms. */
export const TAIL_CRON_MS = 2_000;

/**
 * Plays the cron of an app with the transport `logTail` whose reads must not wait for a write: each write that makes a
 * row stale starts the tail, and this does in between. A cron of Convex would be
 * `crons.interval("tail", { minutes: 1 }, internal.lazy.tail)`.
 *
 * @returns What ends it.
 */
export function startTailCron(deployment: AdministeredDeployment): () => void {
  const start = () => void runAsAdmin(deployment, internal.lazy.tail).catch(() => {}); // The next one may succeed.
  start();
  const timer = setInterval(start, TAIL_CRON_MS);
  return () => clearInterval(timer);
}
