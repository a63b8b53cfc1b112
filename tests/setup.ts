import fc from "fast-check";
import { vi } from "vitest";
import { putBackEnvironment } from "./environment";
import { SEED } from "./seed";
import { randomNumbers } from "./simulation/engine/choices.js";

/*
 * Runs before each file of tests. Files that a worker runs one after the other share what they import, which saves most
 * of the time that loading takes; so each begins with the same clock, environment and random numbers, whatever ran
 * before it.
 */
vi.useRealTimers();
vi.unstubAllEnvs();
vi.unstubAllGlobals();
vi.restoreAllMocks();
putBackEnvironment();
fc.configureGlobal({ seed: SEED });
Math.random = randomNumbers(SEED);
