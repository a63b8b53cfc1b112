/** The error about one place of a model: what is wrong there, and the remedy. */
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
