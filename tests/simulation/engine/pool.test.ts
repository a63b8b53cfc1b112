import { expect, test } from "vitest";
import { inProcesses } from "./pool.js";

const WORKER = new URL("poolWorker.ts", import.meta.url);

test("gives the answers in the order of their tasks", async () => {
  expect(await inProcesses<string, string>(WORKER, ["a", "b", "c"])).toEqual(["A", "B", "C"]);
});

test("begins no task any more when it is told to stop", async () => {
  const answers = await inProcesses<string, string>(WORKER, ["a", "b", "c", "d", "e", "f"], {
    onAnswer: () => false,
  });
  expect(answers.length).toBeLessThan(6);
});

test.each([
  ["throw", 'the task "throw" failed: Error: thrown'],
  ["die", 'a process ended during the task "die"'],
])("fails when a task makes its process %s, and leaves no other running", async (task, message) => {
  await expect(inProcesses<string, string>(WORKER, [task, "never"])).rejects.toThrow(message);
});
