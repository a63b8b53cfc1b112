import type { Value } from "convex/values";
import { allSeals, isEnvelope, marked } from "../effects/transports/envelope.js";
import type { Sealed } from "./outbox.js";
import type { PlainQueries } from "./plainQueries.js";

export type Args = Record<string, Value>;

/**
 * Asks a query once, marked, and takes its value out of the envelope. A query that was not made with `lazy.query` may
 * refuse the mark; any failure may mean that, so it is asked again without, and then its answer or its error counts.
 *
 * @param post - Gets the seals.
 */
export async function askOnce(
  { name, args, plain }: { name: string; args: Args; plain: PlainQueries },
  ask: (args: Args) => Promise<Value>,
  post: (sealed: Sealed) => void,
): Promise<Value> {
  if (plain.has(name)) return await ask(args);
  let answer: Value;
  try {
    answer = await ask(marked(args, "client"));
  } catch {
    const value = await ask(args);
    plain.add(name);
    return value;
  }
  if (!isEnvelope(answer)) return answer;
  post(allSeals(answer));
  return answer.value;
}
