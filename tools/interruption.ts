/**
 * A Ctrl-C comes twice: the terminal sends it to each of its processes, and npm passes it on. A signal this soon after
 * the first one is the same again.
 */
const SAME_MS = 500;

/**
 * From now on the first SIGINT or SIGTERM does not end the process, but aborts the signal that is returned, and sets
 * the exit code: the program prints what it has, and ends by itself. Another one ends the process at once.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (_: NodeJS.Signals, number: number) => {
    process.exitCode = 128 + number;
    if (firstAt === undefined) {
      firstAt = performance.now();
      controller.abort();
    } else if (performance.now() - firstAt > SAME_MS) {
      process.exit();
    }
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return controller.signal;
}
