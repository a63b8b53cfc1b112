import { convexToJson, type Value } from "convex/values";
import { type Envelope, MARK, MAX_DOCUMENT_NESTING } from "../effects/transports/envelope.js";

/** Whether a client may mark a call: not if its arguments contain `lazyViews`, because the answer may contain them. */
export function isMarkable(args: Record<string, Value>): boolean {
  try {
    return !JSON.stringify(convexToJson(args)).includes(MARK);
  } catch {
    return false; // They are not Convex values. The call itself throws.
  }
}

/** Whether the answer to a marked call of a client is an envelope. Anything else is a value. */
export function isEnvelope(answer: unknown): answer is Envelope {
  if (typeof answer !== "object" || answer === null) return false;
  const { value, seals, once, forward, [MARK]: nest, ...rest } = answer as Partial<Envelope>;
  return (
    value !== undefined &&
    areTexts(seals) &&
    areTexts(once) &&
    typeof forward === "string" &&
    isUnstorable(nest, MAX_DOCUMENT_NESTING) &&
    Object.keys(rest).length === 0
  );
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isUnstorable(value: unknown, levels: number): boolean {
  if (!Array.isArray(value) || levels === 1) return Array.isArray(value) && value.length === 0;
  return value.length === 1 && isUnstorable(value[0], levels - 1);
}

/** All seals of an envelope, for a caller that forwards them once. */
export function allSeals({ seals, once, forward }: Pick<Envelope, "seals" | "once" | "forward">) {
  return { seals: [...once, ...seals], forward };
}
