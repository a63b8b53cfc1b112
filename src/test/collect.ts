import { acceptedEffectSecrets } from "../effects/crypto.js";
import type { Effect } from "../effects/effect.js";
import { sealOf, unseal } from "../effects/seal.js";
import { LISTENER, realm } from "../effects/transports/client.js";

/** What a function logged for the library, and the rest of what it did. */
export interface Collected<Result> {
  result: Result;
  /**
   * The console messages with effects, formatted as Convex formats them; of an app with only the transport `client`,
   * the seals that its clients would forward.
   */
  messages: string[];
  /** The effects in them, in order: function path, arguments, window in ms, key, seq. */
  effects: Effect[];
}

/** The mutation that seals are for, of apps without a log stream. */
const forwardPaths = new Map<string, string>();

/** The path of the mutation that a message is to be forwarded to; undefined when it is for the log stream's route. */
export function forwardPathOf(message: string): string | undefined {
  return forwardPaths.get(message);
}

/**
 * Runs something under `convex-test`, and collects the effects that its queries raised, as the log stream would, or
 * the clients.
 *
 * ```ts
 * const { result, effects, messages } = await collectEffects(() => t.query(api.dashboard.stats, { airport: "SFO" }));
 * expect(effects).toHaveLength(1);
 * ```
 *
 * Other lines go to the console as usual. Run one at a time.
 */
export async function collectEffects<Result>(run: () => Promise<Result>): Promise<Collected<Result>> {
  const messages: string[] = [];
  const { debug } = console;
  console.debug = (...args: unknown[]) => {
    if (args.length === 1 && sealOf(String(args[0])) !== null) messages.push(`'${args[0]}'`);
    else debug.apply(console, args);
  };
  const listener = realm[LISTENER];
  realm[LISTENER] = (seals, forward) => {
    messages.push(...seals);
    for (const seal of seals) forwardPaths.set(seal, forward);
  };
  try {
    const result = await run();
    const secrets = acceptedEffectSecrets();
    const opened = await Promise.all(messages.map((message) => unseal(sealOf(message) ?? "", secrets)));
    return { result, messages, effects: opened.flatMap((effects) => effects ?? []) };
  } finally {
    realm[LISTENER] = listener;
    console.debug = debug;
  }
}
