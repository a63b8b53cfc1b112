import { type AdministeredDeployment, runAsAdmin } from "./admin";
import { internal } from "./convex/_generated/api";

/** How often the demo, the tour and `npm run e2e` start the tail if none is reading the log, in ms. */
export const TAIL_CRON_MS = 2_000;

/**
 * Stands in for the cron that an app with the transport `logTail` has:
 * `crons.interval("tail", { minutes: 1 }, internal.lazy.tail, {})`. A write that makes a row stale starts the tail; the
 * cron starts it in between, so that effects of reads need not wait for a write.
 *
 * @returns A function that stops it.
 */
export function startTailCron(deployment: AdministeredDeployment): () => void {
  const start = () => void runAsAdmin(deployment, internal.lazy.tail).catch(() => {}); // The next one may succeed.
  start();
  const timer = setInterval(start, TAIL_CRON_MS);
  return () => clearInterval(timer);
}
