import { getFunctionName } from "convex/server";
import type { Effect } from "../effects/effect.js";
import { openEnvelope } from "../effects/transports/client.js";
import { MARK, marked } from "../effects/transports/envelope.js";
import { type LazyApp, pathOf } from "../model/app.js";

type RunQuery = (reference: never, args?: never, ...options: never[]) => Promise<unknown>;

/**
 * A `ctx.runQuery` that takes over the effects of the queries it runs, so that they leave with those of the function
 * that ran them. Through the log stream queries send their effects themselves, so this is needed only with the
 * transport `client`: the call is marked, and the envelope opened.
 *
 * A query that was not made with `lazy.query` may refuse the mark. It is called again without, and known from then
 * on. Whatever went wrong, the caller gets what an unmarked call gives.
 */
export function collectingRunQuery<Run extends RunQuery>(
  app: LazyApp,
  runQuery: Run,
  raise: (effect: Effect) => void,
): Run {
  if (!app.transports.has("client")) return runQuery;
  const run = runQuery as unknown as (...call: unknown[]) => Promise<unknown>;
  const collecting = async (reference: unknown, args: object = {}, ...options: unknown[]) => {
    const name = nameOf(reference);
    if (name === null || app.plainQueries.has(name)) return await run(reference, args, ...options);
    let answer: unknown;
    try {
      answer = await run(reference, marked({ ...args }, "caller"), ...options);
    } catch (error) {
      const isRefused = error instanceof Error && error.message.includes(MARK);
      if (isRefused) app.plainQueries.add(name);
      return await run(reference, args, ...options);
    }
    const opened = await openEnvelope(answer, pathOf(app, "forward"));
    if (opened === null) return answer;
    for (const effect of opened.effects) raise(effect);
    return opened.value;
  };
  return collecting as unknown as Run;
}

/** The path of one of the app's own functions; null for those of components, which know no marks. */
function nameOf(reference: unknown): string | null {
  try {
    return getFunctionName(reference as never);
  } catch {
    return null;
  }
}
