/*
 * How long the tests wait before they call something hung. No limit tells a slow test from a quick one: the longest
 * tests take some 10 s on two idle cores, and a machine ten times slower whose cores are both busy needs thirty times
 * as long.
 */

/**
 * Of each condition that a test waits for, in ms: what a browser shows, what a client is sent, what a child process
 * prints. Shorter than the limit of the test, so that a failure says what was seen last. While you work on a test, set it
 * lower, to see its failures sooner: `WAIT_SECONDS=5 npx vitest tests/client`.
 */
export const WAIT_LIMIT_MS = Number(process.env.WAIT_SECONDS ?? 5 * 60) * 1_000;

/** Of each test and each hook, in ms. */
export const TEST_LIMIT_MS = 15 * 60_000;
