/** A short description of any value, for messages: `the string "x"`, `a Date`, `undefined`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") {
    return `the string ${JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)}`;
  }
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (typeof value !== "object") return `the ${typeof value} ${value}`;
  if (Array.isArray(value)) return "an array";
  const name = value.constructor?.name ?? "Object";
  return name === "Object" ? "an object" : `a ${name}`;
}

/** An error that says what a value is, and what to do about it. */
export function wrongValue(name: string, value: unknown, remedy: string): Error {
  return new Error(`${name} is ${describe(value)}; ${remedy}.`);
}

/** What an error says; anything else that was thrown, as text. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Logs an error, or a text, where the app must not fail. */
export function complain(error: unknown): void {
  console.error(`convex-lazy-views: ${reasonOf(error)}`);
}
