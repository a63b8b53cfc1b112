import type { Value } from "convex/values";
import { marked } from "../effects/transports/envelope.js";
import { allSeals, isEnvelope } from "./envelope.js";
import type { Sealed } from "./outbox.js";
import { mayBeRefusal, type PlainQueries } from "./plainQueries.js";

export type Args = Record<string, Value>;

/**
 * Calls a query with the mark, and returns the value in its envelope.
 *
 * - The call fails → calls the query again without the mark, and returns that answer, or throws that error.
 * - That call works, and the first may have failed because of the mark → calls the query with the mark once more. If
 *   that fails again, it is a plain query, which is not made with `lazy.query`.
 *
 * @param post - Gets the seals.
 */
export async function askOnce(
  { name, args, plain }: { name: string; args: Args; plain: PlainQueries },
  ask: (args: Args) => Promise<Value>,
  post: (sealed: Sealed) => void,
): Promise<Value> {
  if (plain.has({ name, args })) return await ask(args);
  const askMarked = async () => {
    const answer = await ask(marked(args));
    if (!isEnvelope(answer)) return answer;
    post(allSeals(answer));
    return answer.value;
  };
  try {
    return await askMarked();
  } catch (error) {
    const value = await ask(args);
    if (!mayBeRefusal(error)) return value;
    try {
      return await askMarked();
    } catch (again) {
      if (mayBeRefusal(again)) plain.add(name);
      return value;
    }
  }
}
