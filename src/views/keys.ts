import type { Value } from "convex/values";
import { canonicalText } from "../effects/canonical.js";
import type { ViewDefinition } from "./definition.js";

/** A key object that fits its view, with its canonical text. */
export interface Key {
  args: Record<string, Value>;
  /** Equal keys have equal texts, and only they. */
  text: string;
}

/**
 * @throws Error naming the field, what was expected and what it got; or when the key's schema would change the key
 * again each time it is parsed.
 */
export function toKey(view: ViewDefinition, key: unknown): Key {
  const what = `view "${view.name}": key`;
  const args = view.checkKey(key) as Record<string, Value>;
  const text = canonicalText(args, what);
  if (args !== key && canonicalText(view.checkKey(args), what) !== text) {
    throw new Error(
      `${what}: its schema turns ${text} into something else again; transform the key before, not in the schema.`,
    );
  }
  return { args, text };
}
