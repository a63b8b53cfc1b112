import pc from "picocolors";

/*
 * The output of the command line. Results go to stdout. Notes and warnings go to stderr, so that with `--json`, stdout
 * has one object and nothing else. A secret that was given to `keepSecret` is never written.
 */

/**
 * An error with the remedy in its message. The program prints the message without a stack, and ends with code 1.
 *
 * ```ts
 * throw new CliError("There is no folder convex here. Run this command in the folder of your app's package.json.");
 * ```
 */
export class CliError extends Error {
  override name = "CliError";
}

const hasColors = (stream: NodeJS.WriteStream) =>
  !process.env.NO_COLOR && (stream.isTTY === true || !!process.env.FORCE_COLOR);

/** Colours for stdout: none without a terminal or with NO_COLOR, unless FORCE_COLOR is set. */
export const colors = pc.createColors(hasColors(process.stdout));

/** Colours for stderr. */
export const errorColors = pc.createColors(hasColors(process.stderr));

/** Shorter values are not secrets of the library, and hiding them would hide ordinary words. */
const SHORTEST_SECRET = 8;
const secrets = new Set<string>();

/** Hides a text in all later output. Returns it. */
export function keepSecret(value: string): string {
  if (value.length >= SHORTEST_SECRET) secrets.add(value);
  return value;
}

/** The text with each secret replaced. */
export function redact(text: string): string {
  // The longest first, because one secret may contain another.
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
}

/** Writes a line of the result to stdout. */
export function print(text = ""): void {
  process.stdout.write(`${redact(text)}\n`);
}

/** Writes an object to stdout as JSON: what `--json` prints. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Writes a line of progress to stderr. */
export function note(text: string): void {
  process.stderr.write(`${errorColors.dim(redact(text))}\n`);
}

/** Writes a warning to stderr. */
export function warn(text: string): void {
  process.stderr.write(`${errorColors.yellow("warning:")} ${redact(text)}\n`);
}

/** Writes the message of an error to stderr; of an unexpected error also its stack, for a bug report. */
export function printError(error: unknown): void {
  const isExpected = error instanceof CliError;
  const text = isExpected ? error.message : `this is a bug of convex-lazy-views.\n${describeFault(error)}`;
  process.stderr.write(`${errorColors.red("error:")} ${redact(text)}\n`);
}

const describeFault = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));
