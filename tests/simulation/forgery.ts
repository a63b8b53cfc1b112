import { sealedText } from "../nodeSeals.js";
import type { Forgery } from "./history.js";
import { FORGED_GROUP } from "./invariants/effects.js";

/**
 * A console message with an effect that this app never raised: sealed with a guessed secret, or in a seal of the app's
 * own secret that was changed.
 */
export function forgedMessage(how: Forgery, secret: string): string {
  const effect = {
    f: "lazy:recompute",
    a: { view: "groups", args: { group: FORGED_GROUP } },
    w: 10_000,
    s: "0",
  };
  const json = JSON.stringify([effect]);
  if (how !== "changed seal") return `'${sealedText(json, "a guess")}'`;
  const seal = sealedText(json, secret);
  const last = seal.endsWith("A") ? "B" : "A";
  return `'${seal.slice(0, -4)}${last.repeat(4)}'`;
}
