import { field } from "./field";

/** One effect as a console line carries it: the function to run, and its arguments. */
export interface RaisedEffect {
  functionPath: string;
  args: unknown;
}

const LINE = /lazy-views:1:([\w-]+)\./;

/** The effects in a console message; none when the message is an ordinary one. */
export function effectsIn(message: string): RaisedEffect[] {
  const payload = LINE.exec(message)?.[1];
  if (payload === undefined) return [];
  const effects: unknown = parse(payload);
  return Array.isArray(effects) ? effects.map(asEffect) : [];
}

function parse(payload: string): unknown {
  try {
    const bytes = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const utf8 = Uint8Array.from(bytes, (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(utf8));
  } catch {
    return undefined; // a line that was cut off, or is not ours
  }
}

function asEffect(effect: unknown): RaisedEffect {
  return { functionPath: String(field(effect, "f")), args: field(effect, "a") };
}
