import { wholeNumber } from "../shared/format";

/** How a number differs from the one before, as text; nothing when it does not. */
export function change(now: number, before: number | undefined, write: (by: number) => string): string | undefined {
  return before === undefined || before === now ? undefined : write(now - before);
}

/** `+20` */
export function moreOrFewer(by: number): string {
  return `${by > 0 ? "+" : ""}${wholeNumber(by)}`;
}
