/* Times, spans and counts as a person reads them. */

/** `12:03:04.125`, in the zone of this machine. */
export function clockText(at: number): string {
  const date = new Date(at);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

const UNITS: [name: string, ms: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
];

/** `40 ms`, `1.5 s`, `12 s`, `3 min`, `2 h`, `5 d`. */
export function spanText(ms: number): string {
  if (ms < 0) return `-${spanText(-ms)}`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s`;
  const [name, unit] = UNITS.find(([, length]) => ms >= length) as [string, number];
  return `${Math.round(ms / unit)} ${name}`;
}

/** `1 line`, `2 lines`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
