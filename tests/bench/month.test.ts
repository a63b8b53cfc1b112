import { expect, test } from "vitest";
import { Meter } from "../../bench/costs/meter";
import { type Hour, heartbeatsOf, monthWith, monthWithout, TRAFFIC } from "../../bench/month";

const { amounts: nothing } = new Meter();
const hourOf = (more: Partial<Hour>): Hour => ({ ...nothing, writes: 0, recomputes: 0, ...more });
const use = {
  tail: {
    anIdleSecond: { calls: 0, seconds: 0 },
    aHeartbeat: { calls: 5, seconds: 10 },
    aWrite: { calls: 5, seconds: 10 },
    aBusySecond: { calls: 1, seconds: 1, writes: 100 },
  },
  forwards: 2,
};

/** 40 calls; ten of them are queries with ten answers each. */
const work = hourOf({
  functionCalls: 40,
  queries: 10,
  answers: 100,
  deliveries: 5,
  dispatches: 3,
  documentsRead: 900,
  documentsWritten: 100,
  bytesRead: 4e8,
  bytesWritten: 1e8,
  recomputes: 7,
});
const night = hourOf({ functionCalls: 20, deliveries: 2, dispatches: 1, documentsRead: 10, bytesRead: 1e6 });
const [days, nights] = [TRAFFIC.hoursOfWorkAMonth, TRAFFIC.hoursOfNightAMonth];

test("a month without a view is its hours of work, at list prices beyond what a plan includes", () => {
  expect([days, nights]).toEqual([240, 480]);
  const month = monthWithout(work);
  expect(month).toMatchObject({ calls: 130 * 240, documents: 240_000, gigabytes: 120, gbHours: 0, timesFree: 120 });
  expect(month.dollarsStarter).toBeCloseTo(119 * 0.22);
  expect(month.dollarsProfessional).toBeCloseTo(70 * 0.2);
  expect(monthWithout({ ...work, answers: 20_000 }).dollarsStarter).toBeCloseTo(119 * 0.22 + 3.8072 * 2.2);
});

test("a month with a view adds the nights, and each transport's calls in place of the log stream's", () => {
  const calls = (transport: "logTail" | "logStream" | "client") => monthWith(transport, { work, night }, use).calls;
  expect(calls("logStream")).toBe(130 * days + 20 * nights);
  // Twelve heartbeats, each with a canary.
  expect(calls("client")).toBe((122 + 2 * (7 + 12)) * days + (17 + 2 * 12) * nights);
  // The tail hands over every eight minutes, in two calls; at night, each heartbeat starts one.
  const byTail = monthWith("logTail", { work, night }, use);
  expect(byTail.calls).toBe((122 + 7 + 12 + 15) * days + (17 + 5 * 12) * nights);
  expect(byTail.gbHours).toBeCloseTo((3_600 * days + 120 * nights) / 3_600 / 16);
  expect(byTail.gigabytes).toBeCloseTo(120 + 0.48);
  expect(heartbeatsOf(night)).toMatchObject({ calls: 20 * 720, documents: 7_200 });
});
