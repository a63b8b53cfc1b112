/**
 * Convex's clients print the lines that functions log to the browser's console, on a development deployment. The lines of
 * effects are among them, and sealed: of no use to a person. This logger prints errors and warnings alone.
 */
export const quietLogger = {
  log: () => {},
  logVerbose: () => {},
  warn: (...args: unknown[]) => console.warn(...args),
  error: (...args: unknown[]) => console.error(...args),
};
