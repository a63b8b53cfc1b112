import { expect, test } from "vitest";
import { SEED } from "../seed.js";
import type { Deployment } from "./app.js";
import { explain, runCampaign } from "./campaign.js";
import { compileApp } from "./compileApp.js";
import { Isolates } from "./engine/backend.js";
import { historyOf, KINDS } from "./history.js";
import { PLANTED_BUGS } from "./planted.js";
import { fromWord, shrink, toWord } from "./shrink.js";
import { simulate } from "./simulation.js";

const HISTORIES = 250;
const PER_TEST = 50;
const FIRST = (SEED - 1) * HISTORIES;

test.each(Array.from({ length: HISTORIES / PER_TEST }, (_, i) => FIRST + i * PER_TEST))(
  `${PER_TEST} random histories from seed %d on break no invariant`,
  async (from) => {
    const { histories, conflicts, failures } = await runCampaign({ from, count: PER_TEST });
    const [failure] = failures;
    if (failure !== undefined) throw new Error(await explain(failure));
    expect(histories).toBe(PER_TEST);
    expect(conflicts).toBeGreaterThan(PER_TEST / 4);
  },
);

test.each(KINDS)("the same seed makes the same history, to the letter: %s", async (kind) => {
  const isolates = new Isolates<Deployment>(await compileApp());
  for (const seed of [1, 20, 300]) {
    const history = historyOf(seed, kind);
    const first = await simulate(history, isolates, { isTraced: true });
    const second = await simulate(history, new Isolates(await compileApp()), { isTraced: true });
    expect(second).toEqual(first);
    const { deviations } = first;
    const replayed = { ...history, choices: { deviations } };
    const third = await simulate(fromWord(toWord(replayed)), isolates, { isTraced: true });
    expect(third).toEqual(first);
  }
});

test("a failing history is shrunk to a shorter one that still fails", async () => {
  const forgotten = PLANTED_BUGS.find(({ name }) => name.startsWith("the old document"));
  const isolates = new Isolates<Deployment>(await compileApp(forgotten?.edits));
  for (let seed = 0; ; seed++) {
    const history = historyOf(seed);
    const outcome = await simulate(history, isolates);
    if (outcome.violation === null) continue;
    const small = await shrink({ history, outcome }, (smaller) => simulate(smaller, isolates));
    const again = await simulate(small.history, isolates);
    expect(again.violation).toBe(small.outcome.violation);
    expect(small.history.steps.length).toBeLessThan(history.steps.length);
    expect(small.history.steps.length).toBeLessThanOrEqual(4);
    break;
  }
});
