/*
 * How long the tests wait before they fail something as hung. The limits are far above what a test takes: the longest
 * tests take some 10 s on two idle cores, and thirty times as long on a machine that is ten times slower and busy.
 */

/**
 * For each condition that a test waits for, in ms: what a browser shows, what a client receives, what a child process
 * prints. It is shorter than the limit of the test, so that a failure contains the last value. While you work on a test,
 * lower it, to see failures sooner: `WAIT_SECONDS=5 npx vitest tests/client`.
 */
export const WAIT_LIMIT_MS = Number(process.env.WAIT_SECONDS ?? 5 * 60) * 1_000;

/** For each test and each hook, in ms. */
export const TEST_LIMIT_MS = 15 * 60_000;
