/** An error in one place of a model. The complaint has the remedy in it. */
export function modelError(where: string, complaint: string): Error {
  return new Error(`Authorization model, ${where}: ${complaint}.`);
}

/** A value of a model, for messages. */
export function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

/** Names, for messages. */
export function showList(names: Iterable<string>): string {
  return [...names].join(", ") || "none";
}
