/**
 * The seed of the tests' random cases. By default every run has the same cases, so that a failure occurs on every
 * machine; `SEED=7 npm test` runs others.
 */
export const SEED = Number(process.env.SEED ?? 1);
