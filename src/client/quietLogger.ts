/** A whole line of the log that is a sealed effect, as Convex sends lines to clients. */
const EFFECT = /^'lazy-views:\d+:[\w-]+'$/;

/** What Convex's clients take as the option `logger`. Each method gets what it would pass to the console. */
export interface QuietLogger {
  /** Prints a message with `console.log`, unless it is a line of effects. */
  log(...args: unknown[]): void;
  /** Prints a warning with `console.warn`. */
  warn(...args: unknown[]): void;
  /** Prints an error with `console.error`. */
  error(...args: unknown[]): void;
  /** Prints nothing. */
  logVerbose(...args: unknown[]): void;
}

/**
 * The option `logger` of Convex's clients and of this library's, so that they do not print the lines with which effects
 * leave a query. Everything else goes to the console as it does by default.
 *
 * On development and preview deployments, Convex sends the lines that a function logs to the client that called it, and
 * the client prints them. With the transports `logTail` and `logStream`, effects are such lines. Production deployments
 * do not send them.
 *
 * The option `verbose` of the clients has no effect beside a `logger`: the messages that it adds are not printed.
 *
 * @example
 * ```ts
 * import { ConvexReactClient } from "convex/react";
 * import { quietLogger } from "convex-lazy-views/react"; // or convex-lazy-views/client
 *
 * const client = new ConvexReactClient("https://happy-animal-123.convex.cloud", { logger: quietLogger });
 * ```
 */
export const quietLogger: QuietLogger = {
  log: (...args) => {
    if (!EFFECT.test(String(args.at(-1)))) console.log(...args);
  },
  warn: (...args) => console.warn(...args),
  error: (...args) => console.error(...args),
  logVerbose: () => {},
};
