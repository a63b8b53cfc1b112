import { afterEach, expect, test, vi } from "vitest";
import { type CallForward, Outbox } from "../../src/client/outbox";

afterEach(() => {
  vi.restoreAllMocks();
});

const seals = (count: number) => Array.from({ length: count }, (_, index) => `seal ${index}`);

test.each([
  [0, []],
  [1, [1]],
  [16, [16]],
  [17, [16, 1]],
  [40, [16, 16, 8]],
])("%s seals are forwarded in calls of %j", async (count, sizes) => {
  const calls: [string, string[]][] = [];
  const outbox = new Outbox();
  outbox.post({ seals: seals(count), forward: "lazy:forward" }, async (...call) => {
    calls.push(call);
  });
  await outbox.emptied();
  expect(calls.map(([, sent]) => sent.length)).toEqual(sizes);
  expect(calls.flatMap(([, sent]) => sent)).toEqual(seals(count));
  for (const [forward] of calls) expect(forward).toBe("lazy:forward");
});

test("a forward that fails is logged once, with the reason, and its error reaches no caller", async () => {
  const warn = vi.spyOn(console, "warn").mockReturnValue();
  const outbox = new Outbox();
  const failing: CallForward[] = [
    async () => {
      throw new Error("offline");
    },
    () => {
      throw new Error("offline");
    },
  ];
  for (const call of failing) outbox.post({ seals: seals(40), forward: "lib/lazy:forward" }, call);
  await outbox.emptied();
  expect(warn.mock.calls).toEqual([
    [expect.stringMatching(/not forwarded to the mutation "lib\/lazy:forward"\. .*HTTP\. \(offline\)$/)],
  ]);
});

test("it is emptied when the last call has ended", async () => {
  const outbox = new Outbox();
  const ends: (() => void)[] = [];
  outbox.post({ seals: seals(17), forward: "lazy:forward" }, () => {
    return new Promise<void>((resolve) => ends.push(resolve));
  });
  let isEmptied = false;
  const emptied = outbox.emptied().then(() => {
    isEmptied = true;
  });
  ends[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(isEmptied).toBe(false);
  ends[1]?.();
  await emptied;
  expect(isEmptied).toBe(true);
});
