import fc from "fast-check";
import { vi } from "vitest";
import { putBackEnvironment } from "./environment";
import { SEED } from "./seed";
import { randomNumbers } from "./simulation/engine/choices.js";

/*
 * Runs before each file of tests. The files that a worker runs share their imported modules, which saves most of the
 * loading time. So the clock, the environment and the random numbers are reset before each file.
 */
vi.useRealTimers();
vi.unstubAllEnvs();
vi.unstubAllGlobals();
vi.restoreAllMocks();
putBackEnvironment();
fc.configureGlobal({ seed: SEED });
Math.random = randomNumbers(SEED);
