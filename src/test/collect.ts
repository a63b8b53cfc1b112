import { acceptedEffectSecrets } from "../effects/crypto.js";
import type { Effect } from "../effects/effect.js";
import { sealOf, unseal } from "../effects/seal.js";
import { LISTENER, realm } from "../effects/transports/client.js";

/** What {@link collectEffects} returns. */
export interface Collected<Result> {
  /** What the function returned. */
  result: Result;
  /**
   * The console messages that carry effects, formatted as Convex formats them. In an app with only the transport
   * `client`, the seals that its clients would forward.
   */
  messages: string[];
  /** The effects in these messages, in order. */
  effects: Effect[];
}

/** For each seal of an app with only the transport `client`: the path of the mutation that takes it. */
const forwardPaths = new Map<string, string>();

/** The path of the mutation that takes a message; undefined when it is for the log stream's route. */
export function forwardPathOf(message: string): string | undefined {
  return forwardPaths.get(message);
}

/**
 * Runs a function under `convex-test`, and collects the effects that its queries raise. Nothing is delivered. Other
 * lines go to the console as usual. Do not run two at the same time. `testViews(t, vi).collect` is the same function.
 *
 * @example
 * ```ts
 * import { collectEffects } from "convex-lazy-views/test";
 *
 * const { result, effects } = await collectEffects(() => t.query(api.dashboard.stats, { airport: "SFO" }));
 * console.log(result, effects.length);
 * ```
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
