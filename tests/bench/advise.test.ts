import { expect, test } from "vitest";
import { adviceErrors, measureAdvice } from "../../bench/advise/measure";
import { compileStrategies } from "../../bench/costs/isolates";
import { mixOf } from "../../bench/costs/scenarios";

test("advise predicts within a factor of three, and recommends no view that takes more than the query", async () => {
  const advised = await measureAdvice(
    {
      "1 key": { ...mixOf(1), keys: 1, events: 500 },
      "50 keys, mostly read": { ...mixOf(10), events: 800 },
    },
    await compileStrategies(),
  );
  expect(advised.map(({ verdict }) => verdict === "no gain")).toEqual([false, true]);
  const { least, most, wrong } = adviceErrors(advised);
  expect(least).toBeGreaterThan(1 / 3);
  expect(most).toBeLessThan(3);
  expect(wrong).toBe(0);
});
