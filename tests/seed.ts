/**
 * What the random cases of the tests are made from. Every run takes the same ones, so that what fails on one machine
 * fails on all; `SEED=7 npm test` takes others.
 */
export const SEED = Number(process.env.SEED ?? 1);
