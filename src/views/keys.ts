import type { Value } from "convex/values";
import { canonicalText } from "../effects/canonical.js";
import type { ViewDefinition } from "./definition.js";

/** A key object that fits its view, with its canonical text. */
export interface Key {
  args: Record<string, Value>;
  /** Equal keys have equal texts, and only they. */
  text: string;
}

/** @throws Error naming the field, what was expected and what it got. */
export function toKey(view: ViewDefinition, key: unknown): Key {
  const args = view.checkKey(key) as Record<string, Value>;
  return { args, text: canonicalText(args, `view "${view.name}": key`) };
}
