/**
 * How long a query is known as plain. Not for ever: a failure that had nothing to do with the mark may have been
 * taken for a refusal, and an app may turn the transport on while its clients run.
 */
const KNOWN_FOR_MS = 10 * 60_000;

/** The queries that refuse the mark, by name: those are asked without it. */
export class PlainQueries {
  private readonly knownUntil = new Map<string, number>();

  add(name: string): void {
    this.knownUntil.set(name, Date.now() + KNOWN_FOR_MS);
  }

  has(name: string): boolean {
    return (this.knownUntil.get(name) ?? 0) > Date.now();
  }
}
