import { createHmac } from "node:crypto";
import type { Forgery } from "./history.js";
import { FORGED_GROUP } from "./invariants/effects.js";

/** A console message with an effect that this app never raised. */
export function forgedMessage(how: Forgery): string {
  const effect = {
    f: "lazy:recompute",
    a: { view: "groups", args: { group: FORGED_GROUP } },
    w: 10_000,
    s: "0",
  };
  const text = `lazy-views:1:${Buffer.from(JSON.stringify([effect])).toString("base64url")}`;
  // The signature of another text, by whoever holds the secret, is as good as none.
  const signature = createHmac("sha256", "a guess")
    .update(how === "changed seal" ? "another text" : text)
    .digest("base64url");
  return `'${text}.${signature}'`;
}
