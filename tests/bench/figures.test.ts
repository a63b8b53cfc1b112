import { expect, test } from "vitest";
import { costFigures } from "../../bench/costs/figures";
import type { CostRecordings, Measured } from "../../bench/costs/measure";
import { mixOf, RATIOS } from "../../bench/costs/scenarios";
import { strategy } from "../../bench/costs/strategies";

const documents = (read: number, written = 0) => ({
  documentsRead: read,
  documentsWritten: written,
});

/** A measurement of a strategy, with the fields that the figures use. */
function measured(name: string, amounts: object, more: object = {}): Measured {
  const recording = { amounts, staleP99: 0, bound: { recomputes: 0, documents: 0 }, ...more };
  return { strategy: strategy(name).name, workload: mixOf(1), recording } as unknown as Measured;
}

const seconds = (...times: number[]) => times.map((time) => time * 1_000);

function recordings(recomputedAt: number[]): CostRecordings {
  const bound = { recomputes: 5, documents: 60 };
  const each = [
    measured("bare", documents(30, 10)),
    measured("lazy", documents(120, 30), { staleP99: 60_000, bound }),
    measured("lazyTracked", documents(160, 30), { staleP99: 60_000, bound }),
    measured("lazyApplied", documents(50, 30), { bound }),
    measured("inQuery", documents(150, 10)),
    measured("triggerCounter", documents(70, 30)),
    // The cheapest, but its answers are older.
    measured("actionCache", documents(10, 10), { staleP99: 90_000 }),
  ];
  const conflicts = { writeConflicts: 30, otherConflicts: 10 };
  return {
    ratios: RATIOS.flatMap((ratio) => each.map((one) => ({ ...one, workload: mixOf(ratio) }))),
    hot: [measured("lazyLeased", { logEvents: 6 }, { countedMs: 120_000, recomputedAt })],
    contended: ["lazyLeasedSnapshot", "lazy", "lazyTracked", "triggerRecompute", "triggerCounter"].map((name) =>
      measured(name, conflicts, { writes: 80 }),
    ),
    mass: { rows: 7, documentsRead: 0, documentsWritten: 1 },
  } as unknown as CostRecordings;
}

test("a form is compared with its bound, writes included, and with the cheapest other that is no staler", () => {
  const { ratios, clairvoyant, bestOther } = costFigures(recordings(seconds(0, 10, 20)));
  expect(ratios?.[0]).toMatchObject({
    form: "lazyApplied",
    toClairvoyant: 80 / 100,
    other: "triggerCounter",
    toOther: 80 / 100,
    defaultsToClairvoyant: 150 / 100,
    trackedToClairvoyant: 190 / 100,
    recomputing: { form: "lazy", toClairvoyant: 150 / 100, other: "inQuery", toOther: 150 / 160 },
  });
  expect(clairvoyant).toEqual({ worstRatio: 0.8, worstRatioDefaults: 1.5, worstRatioTracked: 1.9 });
  expect(bestOther).toEqual({ worstRatio: 0.8 });
});

test("the other figures are a window's maximum, a rate per minute and a rate per write", () => {
  const { hotKey, conflicts, massInvalidation } = costFigures(recordings(seconds(0, 9.9, 20)));
  expect(hotKey).toEqual({ recomputesPerWindow: 1, effectLinesPerMinute: 3 });
  expect(conflicts).toEqual({ lazy: 0.5, declared: 0.5, tracked: 0.5, trigger: 0.5, triggerCounter: 0.5 });
  expect(massInvalidation).toEqual({ documentsWritten: 1, rows: 7 });
  const close = costFigures(recordings(seconds(0, 9, 30, 31, 32)));
  expect(close.hotKey?.recomputesPerWindow).toBe(3);
});
