import { wholeNumber } from "../shared/format";

/** The difference from the number before, as text; undefined if there is none. */
export function change(now: number, before: number | undefined, write: (by: number) => string): string | undefined {
  return before === undefined || before === now ? undefined : write(now - before);
}

/** `+20` */
export function moreOrFewer(by: number): string {
  return `${by > 0 ? "+" : ""}${wholeNumber(by)}`;
}
