/**
 * A Ctrl-C arrives twice: the terminal sends it to each of its processes, and npm passes it on. A second signal within
 * this time is the same Ctrl-C.
 */
const SAME_MS = 500;

/**
 * From now on the first SIGINT or SIGTERM does not end the process: it aborts the returned signal and sets the exit
 * code, so that the program can print its results and end by itself. Another one ends the process at once.
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
