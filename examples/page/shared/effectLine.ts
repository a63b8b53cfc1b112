import { field } from "./field";

/** One effect as the trace shows it: the function to run, and its arguments. */
export interface PageEffect {
  functionPath: string;
  args: unknown;
  /** Of a recompute: whether its reader found no row at all. */
  isMissing?: boolean;
}

/** The demo's server shows the effects of a seal in its place: only it can open a seal. */
const LINE = /^lazy-views effects (.*)$/;

/** The effects in a console message; none when the message is an ordinary one. */
export function effectsIn(message: string): PageEffect[] {
  const json = LINE.exec(message)?.[1];
  const effects: unknown = json === undefined ? [] : JSON.parse(json);
  if (!Array.isArray(effects)) return [];
  // One that a client forwards has before its effects when they were raised.
  return effects.filter((each) => field(each, "t") === undefined).map(asEffect);
}

/** The snapshot that a reader saw is 0 when there was no row. */
function asEffect(effect: unknown): PageEffect {
  return { functionPath: String(field(effect, "f")), args: field(effect, "a"), isMissing: field(effect, "s") === "0" };
}

/** An effect as text, the same wherever it is met. */
export function identityOf({ functionPath, args }: PageEffect): string {
  return `${functionPath} ${JSON.stringify(args, (_, value) => sorted(value))}`;
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
