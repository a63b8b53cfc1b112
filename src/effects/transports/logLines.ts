import { complain } from "../../values/describe.js";
import type { Effect } from "../effect.js";
import { sealForSending } from "../seal.js";

const MAX_LINES = 128; // Convex keeps 256 log lines of an execution; half of them stay the app's.
const ROUND_MS = 2 * Math.PI; // Irrational, so that reads at regular intervals begin at different lines.

/** Logs effects as sealed lines, for the log stream or the tail. Never throws: it logs errors. */
export async function sendByLog(effects: readonly Effect[]): Promise<void> {
  for (const line of chooseLines(await sealForSending(effects))) console.debug(line);
}

/**
 * Returns at most `MAX_LINES` lines. The clock says where they begin, so that later reads send the others. A query that
 * reads the clock is cached for seconds only, so one with fewer lines does not read it.
 */
function chooseLines(lines: string[]): string[] {
  const { length } = lines;
  if (length <= MAX_LINES) return lines;
  complain(
    `only ${MAX_LINES} of ${length} lines of effects were sent; later reads send the others. ` +
      "Read fewer stale keys in one query.",
  );
  const first = Math.floor(((Date.now() / ROUND_MS) % 1) * length);
  return [...lines.slice(first), ...lines.slice(0, first)].slice(0, MAX_LINES);
}
