/**
 * A signal that aborts at Ctrl-C or SIGTERM, so that a command can finish what it does. The second time, the process
 * ends at once.
 */
export function untilSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
}
