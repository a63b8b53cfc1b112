import { reasonOf } from "../../values/describe.js";
import type { Effect } from "../effect.js";
import { findSeals, seal, unseal } from "../seal.js";
import { acceptedEffectSecrets, effectSecret } from "../secrets.js";

/**
 * Seals effects on their way out of a query. Never throws: what cannot be sealed is logged as an error, and the
 * query returns its value.
 */
export async function sealForSending(effects: readonly Effect[]): Promise<string[]> {
  if (effects.length === 0) return [];
  try {
    const { lines, unsendable } = await seal(effects, effectSecret());
    for (const { effect, reason } of unsendable) {
      console.error(`convex-lazy-views: an effect for ${effect.target} was not sent: ${reason}`);
    }
    return lines;
  } catch (error) {
    console.error(`convex-lazy-views: ${effects.length} effect(s) were not sent: ${reasonOf(error)}`);
    return [];
  }
}

/** The effects of texts that came from outside, and how many of them are no seal of this app. */
export async function unsealAll(texts: readonly string[]): Promise<{ effects: Effect[]; forged: number }> {
  const secrets = acceptedEffectSecrets();
  const opened = await Promise.all(
    texts.map(async (text) => (findSeals(text)[0] === text ? await unseal(text, secrets) : null)),
  );
  return {
    effects: opened.flatMap((effects) => effects ?? []),
    forged: opened.filter((effects) => effects === null).length,
  };
}
