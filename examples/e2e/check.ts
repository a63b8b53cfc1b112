/** The result of one check of `npm run e2e`. */
export interface CheckResult {
  /** The example, e.g. `"rollups"`. */
  of: string;
  what: string;
  durationMs: number;
  /** Why the check failed. */
  error?: Error;
}

/**
 * Runs one check. If it fails, this is reported, and the following checks of the example do not run.
 *
 * @param work - Throws if the check fails.
 * @throws NotHeld if the check fails.
 */
export type Check = <Result>(what: string, work: () => Promise<Result>) => Promise<Result>;

/** Ends the checks of one example. */
class NotHeld extends Error {}

/** Runs the checks of one example, and passes on each result. An error between two checks is a failed result, too. */
export async function runChecks(
  of: string,
  checks: (check: Check) => Promise<void>,
  report: (result: CheckResult) => void,
): Promise<void> {
  const beganAt = performance.now();
  const tell = (what: string, since: number, thrown?: unknown) => {
    const error = thrown === undefined || thrown instanceof Error ? thrown : new Error(String(thrown));
    report({ of, what, durationMs: performance.now() - since, ...(error && { error }) });
  };
  const check: Check = async (what, work) => {
    const since = performance.now();
    try {
      const value = await work();
      tell(what, since);
      return value;
    } catch (error) {
      tell(what, since, error);
      throw new NotHeld(what);
    }
  };
  try {
    await checks(check);
  } catch (error) {
    if (!(error instanceof NotHeld)) tell("what its checks begin with", beganAt, error);
  }
}
