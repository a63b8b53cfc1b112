import { openSeal } from "./openSeal";

/** A console message as the demo shows it: in place of a seal, `lazy-views effects` and their JSON. */
export function unsealed(message: string, secret: string): string {
  const effects = openSeal(message, secret);
  return effects === null ? message : `lazy-views effects ${effects}`;
}
