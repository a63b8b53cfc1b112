import type { Effect } from "../effect.js";
import { sealForSending } from "./sealing.js";

/** Convex keeps 256 log lines of an execution; half of them stay the app's. */
const MAX_LINES = 128;

/**
 * Sends effects out of a query as sealed console lines, which the deployment's log stream posts to our route.
 * Never throws: what cannot be sent is logged as an error, and the query returns its value.
 */
export async function sendByLogStream(effects: readonly Effect[]): Promise<void> {
  const lines = await sealForSending(effects);
  for (const line of lines.slice(0, MAX_LINES)) console.debug(line);
  if (lines.length > MAX_LINES) {
    console.error(
      `convex-lazy-views: ${lines.length - MAX_LINES} of ${lines.length} lines of effects were not sent: ` +
        `one execution sends at most ${MAX_LINES}. Read fewer stale keys in one query.`,
    );
  }
}
