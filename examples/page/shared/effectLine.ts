import { field } from "./field";

/** One effect as the trace shows it: the function to run, and its arguments. */
export interface PageEffect {
  functionPath: string;
  args: unknown;
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

function asEffect(effect: unknown): PageEffect {
  return { functionPath: String(field(effect, "f")), args: field(effect, "a") };
}
