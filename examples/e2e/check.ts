/** One thing that `npm run e2e` checks, and how it ended. */
export interface CheckResult {
  /** The example, e.g. `"rollups"`. */
  of: string;
  what: string;
  durationMs: number;
  /** Why it does not hold. */
  error?: Error;
}

/**
 * Checks something. When it does not hold, that is reported, and the checks that would follow are left out.
 *
 * @param work - Throws when it does not hold.
 * @throws NotHeld when it does not hold.
 */
export type Check = <Result>(what: string, work: () => Promise<Result>) => Promise<Result>;

/** Ends the checks of one example. */
class NotHeld extends Error {}

/** Runs the checks of one example, and hands on each result. What fails between them is a result, too. */
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
