import { reasonOf, startOf } from "../../values/describe.js";
import { environmentVariable, LOG_KEY } from "../crypto.js";
import { sealOf } from "../seal.js";

/** How many executions Convex keeps in a deployment's function log. */
export const LOG_SIZE = 1_000;

/** What one poll of the log found: the seals in its lines, how many entries it has, and where the next poll begins. */
export type Polled = { seals: string[]; entries: number; cursor: number };

/** Why the log could not be read, with the remedy. `isLasting`: a retry soon would fail, too. */
export class LogError extends Error {
  constructor(
    message: string,
    readonly isLasting: boolean,
  ) {
    super(message);
  }
}

const CONNECT = "Run: npx convex-lazy-views connect";
const REMEDIES: Record<number, string> = {
  401: `${LOG_KEY} is not a key of this deployment. ${CONNECT}`,
  403: `${LOG_KEY} is not a key of this deployment that may view logs. ${CONNECT}`,
  404: `This deployment has no function log to read; use another transport. ${CONNECT}`,
};

/**
 * Reads the deployment's function log from a cursor, in ms since 1970. Convex answers at once when there are later
 * entries. Otherwise it answers when the next one is written, or after a minute with no entries.
 *
 * @throws LogError when the log cannot be read.
 */
export async function pollLog(cursor: number): Promise<Polled> {
  const url = `${environmentVariable("CONVEX_CLOUD_URL")}/api/stream_function_logs?cursor=${cursor}`;
  const failed = (answer: string, remedy = "", isLasting = false) =>
    new LogError(`The function log could not be read: ${url} answers ${answer} ${remedy}`.trim(), isLasting);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { headers: { Authorization: `Convex ${environmentVariable(LOG_KEY)}` } });
    text = await response.text();
  } catch (error) {
    throw failed(`nothing: ${reasonOf(error)}`);
  }
  const { status, ok } = response;
  if (!ok) throw failed(`${status}: ${startOf(text, 200)}`, REMEDIES[status], status in REMEDIES);
  try {
    const { entries, newCursor } = JSON.parse(text) as { entries: { logLines: unknown[] }[]; newCursor: number };
    if (!Number.isFinite(newCursor)) throw new Error("no cursor");
    const seals = entries.flatMap(({ logLines }) => logLines.flatMap(sealsIn));
    return { seals, entries: entries.length, cursor: newCursor };
  } catch {
    throw failed(`an unknown format: ${startOf(text, 200)}`, `A newer Convex may have changed it. ${CONNECT}`, true);
  }
}

/** Lines are texts such as `[DEBUG] 'text'`. */
function sealsIn(line: unknown): string[] {
  const seal = sealOf(String(line).replace(/^\[DEBUG\] /, ""));
  return seal === null ? [] : [seal];
}
