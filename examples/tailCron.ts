import { type AdministeredDeployment, runAsAdmin } from "./admin";
import { internal } from "./convex/_generated/api";

/** How often the demo, the tour and `npm run e2e` make sure that a tail reads the log, in ms. */
export const TAIL_CRON_MS = 2_000;

/**
 * Plays the cron of an app with the transport `logTail`. A write that makes a row stale starts the tail; this starts it
 * in between, so that effects of reads need not wait for a write. In an app, the cron is
 * `crons.interval("tail", { minutes: 1 }, internal.lazy.tail, {})`.
 *
 * @returns Ends it.
 */
export function startTailCron(deployment: AdministeredDeployment): () => void {
  const start = () => void runAsAdmin(deployment, internal.lazy.tail).catch(() => {}); // The next one may succeed.
  start();
  const timer = setInterval(start, TAIL_CRON_MS);
  return () => clearInterval(timer);
}
