import { expect, test } from "vitest";
import { monthsOf } from "../../bench/transports/months";

test("a month of the log tail is its counts times their frequency, at list prices", () => {
  const [idle, heartbeats, writes, busy] = monthsOf({
    anIdleSecond: { calls: 0, seconds: 0 },
    aHeartbeat: { calls: 5, seconds: 10 },
    aWrite: { calls: 5, seconds: 10 },
    aBusySecond: { calls: 1, seconds: 1, writes: 100 },
  });
  expect(idle).toMatchObject({ calls: 0, seconds: 0, gbHours: 0, ofFree: 0, dollarsProfessional: 0 });
  expect(heartbeats).toMatchObject({ calls: 43_200, seconds: 86_400, gbHours: 1.5 });
  expect(writes).toMatchObject({ calls: 216_000, seconds: 432_000, gbHours: 7.5, ofFree: 0.375 });
  expect(writes?.dollarsProfessional).toBeCloseTo(0.216 * 2 + 7.5 * 0.3);
  // An action runs all the time, and hands over every eight minutes.
  expect(busy).toMatchObject({ calls: 2_592_000 + 2 * 5_400, seconds: 2_592_000, gbHours: 45 });
  expect(busy?.ofFree).toBeGreaterThan(2);
  expect(busy?.dollarsStarter).toBeCloseTo(2.6028 * 2.2 + 45 * 0.33);
});
