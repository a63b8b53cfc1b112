import { complain } from "../../values/describe.js";
import type { Effect } from "../effect.js";
import { sealForSending } from "../seal.js";

/** Convex keeps 256 log lines of an execution; half of them stay the app's. */
const MAX_LINES = 128;

/**
 * Sends effects out of a query as sealed console lines, which the deployment's log stream posts to our route. Never
 * throws: it logs what cannot be sent, and the query goes on.
 */
export async function sendByLogStream(effects: readonly Effect[]): Promise<void> {
  const lines = await sealForSending(effects);
  for (const line of lines.slice(0, MAX_LINES)) console.debug(line);
  if (lines.length <= MAX_LINES) return;
  complain(
    `${lines.length - MAX_LINES} of ${lines.length} lines of effects were not sent; ${MAX_LINES} is the limit. ` +
      "Read fewer stale keys in one query.",
  );
}
