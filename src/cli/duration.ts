import { InvalidArgumentError } from "commander";

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A time such as `90s`, `10m` or `1h`, in ms: for `.option()` and `.argument()` of a command.
 *
 * @throws InvalidArgumentError with the remedy, for anything else.
 */
export function parseDuration(text: string): number {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  const ms = Number(amount) * (UNITS[unit] ?? Number.NaN);
  if (ms > 0) return ms;
  throw new InvalidArgumentError("Give a time such as 90s, 10m or 1h.");
}
