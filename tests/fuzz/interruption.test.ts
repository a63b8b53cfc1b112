import { expect, test } from "vitest";
import { LIBRARY } from "../../fuzz/check.js";
import { fuzz } from "../../fuzz/run.js";

test("aborted, it begins no batch any more, and reports the inputs that were run", async () => {
  const controller = new AbortController();
  const done: number[] = [];
  let failures = 0;
  const report = await fuzz(
    {
      inputs: 100_000,
      seed: 0,
      subjects: { ...LIBRARY, answerLogStream: async () => new Response("ok") },
      signal: controller.signal,
    },
    () => failures++,
    (inputs) => {
      done.push(inputs);
      if (done.length === 2) controller.abort();
    },
  );

  expect(done).toEqual([500, 1_000]);
  expect(report.inputs).toBe(1_000);
  expect(failures).toBeGreaterThan(0);
  expect(report.crashes).toBe(failures);
});

test("a run that ends by itself tells of all inputs", async () => {
  const done: number[] = [];
  const { inputs } = await fuzz(
    { inputs: 700, seed: 0 },
    () => {},
    (inputs) => done.push(inputs),
  );
  expect(done).toEqual([500, 700]);
  expect(inputs).toBe(700);
});
