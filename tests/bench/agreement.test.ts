import { expect, test } from "vitest";
import { documentsOf } from "../../bench/costs/figures";
import { compileStrategies } from "../../bench/costs/isolates";
import { play } from "../../bench/costs/player";
import {
  CONTENDED,
  hourOf,
  makeWorkload,
  mixOf,
  sizedMix,
  type WorkloadName,
  watchedBy,
} from "../../bench/costs/scenarios";
import { strategy } from "../../bench/costs/strategies";
import { numberOf, type Tree } from "../../bench/documentation/figures";
import { readFigures } from "../../bench/documentation/pages";
import { TRAFFIC } from "../../bench/month";
import { bundleApp } from "../../bench/startup/bundle";
import { PLANS } from "../../bench/transports/months";

const figures = readFigures();

/** Cells of most sections that are fast to play. */
const CELLS: [name: string, strategy: string, workload: WorkloadName][] = [
  ["ratios.1000:1.lazy", "lazy", mixOf(1_000)],
  ["ratios.100:1.lazyTracked", "lazyTracked", mixOf(100)],
  ["ratios.100:1.inQuery", "inQuery", mixOf(100)],
  ["contended.lazyTracked", "lazyTracked", CONTENDED],
  ["sizes.50.lazyPagedApplied", "lazyPagedApplied", sizedMix(50)],
  ["subscribers.10.lazyLeased", "lazyLeased", watchedBy(10)],
  ["bursts.lazyApplied", "lazyApplied", { kind: "bursts" }],
  ["coldKeys.inQuery", "inQuery", { kind: "cold keys" }],
];

test("the documentation's counts are those of this code; if not, run `npm run bench -- --full`", async () => {
  const isolates = await compileStrategies();
  const played: Record<string, number> = {};
  for (const [name, used, workload] of CELLS) {
    played[name] = documentsOf((await play(strategy(used), makeWorkload(workload), isolates)).amounts);
  }
  expect(played).toEqual(Object.fromEntries(CELLS.map(([name]) => [name, numberOf(figures, name)])));
});

test("an hour at night costs what the documentation says", async () => {
  const { amounts } = await play(strategy("lazyApplied"), makeWorkload(hourOf(true)), await compileStrategies());
  expect((figures.month as Record<string, Tree>).lazyApplied?.night).toMatchObject({ ...amounts });
});

test("the documentation computes the month from the traffic and the prices of the code", () => {
  expect((figures.month as Tree).traffic).toEqual(TRAFFIC);
  expect(figures.prices).toMatchObject(PLANS);
});

test("the bundle has the size that the documentation says, to a fiftieth", async () => {
  const { libraryBytes } = await bundleApp("lazyApp.ts");
  const bytes = Object.values(libraryBytes).reduce((sum, each) => sum + each, 0);
  expect(bytes / numberOf(figures, "startup.bundleBytes")).toBeGreaterThan(0.98);
  expect(bytes / numberOf(figures, "startup.bundleBytes")).toBeLessThan(1.02);
});
