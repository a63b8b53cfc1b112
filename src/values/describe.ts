/** A short description of any value, for messages: `the string "x"`, `a Date`, `undefined`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") {
    return `the string ${JSON.stringify(value.length > 60 ? `${startOf(value, 60)}…` : value)}`;
  }
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (typeof value !== "object") return `the ${typeof value} ${value}`;
  if (Array.isArray(value)) return "an array";
  const name = value.constructor?.name ?? "Object";
  return name === "Object" ? "an object" : `a ${name}`;
}

/** The start of a text, which is not cut inside a character. */
export function startOf(text: string, length: number): string {
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}

/** @throws Error that names a property which is not one of the options. */
export function checkOptions(what: string, given: object, options: readonly string[]): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || options.includes(name)) continue;
    throw wrongValue(`${what}: ${name}`, value, `the options are ${options.join(", ")}`);
  }
}

/** An error that says what the value is, and what to do. */
export function wrongValue(name: string, value: unknown, remedy: string): Error {
  return new Error(`${name} is ${describe(value)}; ${remedy}.`);
}

/** The message of an error, or anything else that was thrown, as text. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Logs an error or a text. For places where the app must not fail. */
export function complain(error: unknown): void {
  console.error(`convex-lazy-views: ${reasonOf(error)}`);
}
