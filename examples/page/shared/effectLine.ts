import { field } from "./field";

/** One effect as the trace shows it: the function to run, and its arguments. */
export interface PageEffect {
  functionPath: string;
  args: unknown;
  /** Only for a recompute: whether its reader found no row. */
  isMissing?: boolean;
}

/** The demo's server replaces each seal by this line with its effects; the page cannot open seals. */
const LINE = /^lazy-views effects (.*)$/;

/** The effects in a console message; none when the message is an ordinary one. */
export function effectsIn(message: string): PageEffect[] {
  const json = LINE.exec(message)?.[1];
  const effects: unknown = json === undefined ? [] : JSON.parse(json);
  if (!Array.isArray(effects)) return [];
  // A seal for a client has the time of its effects (`t`) in front of them.
  return effects.filter((each) => field(each, "t") === undefined).map(asEffect);
}

/** `s` is the snapshot that the reader saw; it is 0 if there was no row. */
function asEffect(effect: unknown): PageEffect {
  return { functionPath: String(field(effect, "f")), args: field(effect, "a"), isMissing: field(effect, "s") === "0" };
}

/** An effect as text: the same for equal effects. */
export function identityOf({ functionPath, args }: PageEffect): string {
  return `${functionPath} ${JSON.stringify(args, (_, value) => sorted(value))}`;
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
