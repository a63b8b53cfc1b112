/** Arguments and effects as a line of the page has room for them. */
import type { PageEffect } from "./effectLine";
import { field } from "./field";

const ABOUT_LENGTH = 120;

/** `1 effect`, `2 effects` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** An id of the embedded backend without its zeros: `docs 10027`. */
function shortId(text: string): string {
  return text.replace(/^0+(\d+)([a-z]\w*)$/i, "$2 $1");
}

/** An effect as text, the same wherever it is met. */
export function identityOf({ functionPath, args }: PageEffect): string {
  return `${functionPath} ${JSON.stringify(args, (_, value) => sorted(value))}`;
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `movieSearch movies 10027`, or of another effect than a recompute `viewed ada, docs 10027` */
export function effectInShort({ functionPath, args }: PageEffect): string {
  return functionPath === "lazy:recompute"
    ? `${field(args, "view")} ${inShort(field(args, "args"))}`
    : `${functionPath.split(":").at(-1)} ${inShort(args)}`;
}

/** The values of the arguments without their names, and no more of them than one reads. */
export function inShort(args: unknown): string {
  if (typeof args !== "object" || args === null) return "";
  const values = Object.values(args).map((value) =>
    typeof value === "string" ? shortId(value) : JSON.stringify(value),
  );
  return abbreviated(values.join(", "));
}

/** No more of a text than one reads. */
export function abbreviated(whole: string): string {
  return whole.length > ABOUT_LENGTH ? `${whole.slice(0, ABOUT_LENGTH - 1)}…` : whole;
}
