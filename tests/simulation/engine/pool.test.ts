import { expect, test } from "vitest";
import { eventually } from "../../eventually.js";
import { inProcesses } from "./pool.js";

const WORKER = new URL("poolWorker.ts", import.meta.url);

test("gives the answers in the order of their tasks", async () => {
  expect(await inProcesses<string, string>(WORKER, ["a", "b", "c"])).toEqual(["A", "B", "C"]);
});

test("begins no more tasks after it was stopped", async () => {
  const answers = await inProcesses<string, string>(WORKER, ["a", "b", "c", "d", "e", "f"], {
    onAnswer: () => false,
  });
  expect(answers).toHaveLength(6);
  expect(answers).toContain(undefined);
});

test("when it is aborted, it gives the answers that came, and ends the processes", async () => {
  const controller = new AbortController();
  const answered: [string, number][] = [];
  const answers = await inProcesses<string, string>(WORKER, ["never", "pid", "never", "a"], {
    onAnswer: (answer, index) => {
      answered.push([answer, index]);
      controller.abort();
      return true;
    },
    processes: 2,
    signal: controller.signal,
  });
  const [, pid] = answers;
  expect(answers).toEqual([undefined, pid, undefined, undefined]);
  expect(answered).toEqual([[pid, 1]]);
  await eventually(() => expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH"));
});

test("each process has a group of its own, which no Ctrl-C of the terminal reaches", async () => {
  let leadsGroup = false;
  await inProcesses<string, string>(WORKER, ["pid"], {
    onAnswer: (pid) => {
      leadsGroup = process.kill(-Number(pid), 0);
    },
  });
  expect(leadsGroup).toBe(true);
});

test("begins nothing when it has been aborted before", async () => {
  const signal = AbortSignal.abort();
  expect(await inProcesses(WORKER, ["a", "die"], { signal })).toEqual([undefined, undefined]);
});

test("with one process, one task is worked off after the other", async () => {
  const pids = await inProcesses<string, string>(WORKER, ["pid", "pid"], { processes: 1 });
  expect(new Set(pids).size).toBe(1);
});

test.each([
  ["throw", 'the task "throw" failed: Error: thrown'],
  ["die", 'a process ended during the task "die"'],
])("fails when a task makes its process %s, and leaves no other running", async (task, message) => {
  await expect(inProcesses<string, string>(WORKER, [task, "never"])).rejects.toThrow(message);
});
