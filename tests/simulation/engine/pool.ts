import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";

/** Options of a pool of processes. */
export interface PoolOptions<Answer> {
  /** Called with each answer, and the index of its task. If it returns `false`, no more tasks are started. */
  onAnswer?: (answer: Answer, index: number) => unknown;
  /** The most processes. Default: one for each core. */
  processes?: number;
  /** When it aborts, the processes are killed. */
  signal?: AbortSignal;
}

/**
 * Runs tasks in child processes, one for each core, each with one task at a time. They run a module that calls
 * `serveTasks`. Tasks and answers are copied (`structuredClone`).
 *
 * @returns The answers, in the order of their tasks; undefined for a task that had not started, or not ended, when the
 *   signal aborted.
 * @throws Error when a task throws, or a process ends before its time.
 */
export async function inProcesses<Task, Answer>(
  module: URL,
  tasks: readonly Task[],
  { onAnswer = () => true, processes = availableParallelism(), signal }: PoolOptions<Answer> = {},
): Promise<(Answer | undefined)[]> {
  const answers = tasks.map((): Answer | undefined => undefined);
  if (signal?.aborted) return answers;
  const aborted = new Promise((resolve) => {
    signal?.addEventListener("abort", resolve, { once: true });
  });
  let next = 0;
  let goesOn = true;
  const children: ChildProcess[] = [];
  const workOff = async () => {
    const child = fork(module, {
      execArgv: ["--import", "tsx"],
      serialization: "advanced",
      // The terminal's Ctrl-C does not reach it: this process handles that.
      detached: true,
    });
    children.push(child);
    while (goesOn && next < tasks.length) {
      const index = next++;
      const answer = await ask<Task, Answer>(child, tasks[index] as Task);
      if (signal?.aborted) return;
      answers[index] = answer;
      if (onAnswer(answer, index) === false) goesOn = false;
    }
  };
  const workers = Array.from({ length: Math.min(processes, tasks.length) }, workOff);
  try {
    await Promise.race([Promise.all(workers), aborted]);
  } finally {
    for (const child of children) child.kill();
  }
  return answers;
}

type Reply<Answer> = { answer: Answer } | { error: string };

function ask<Task, Answer>(child: ChildProcess, task: Task): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = new Error(`a process ended during the task ${text(task)}`);
    const onEnd = (error: unknown) => reject(error instanceof Error ? error : ended);
    child.once("exit", onEnd).once("error", onEnd);
    child.once("message", (reply: Reply<Answer>) => {
      child.off("exit", onEnd).off("error", onEnd);
      if ("answer" in reply) resolve(reply.answer);
      else reject(new Error(`the task ${text(task)} failed: ${reply.error}`));
    });
    child.send(task as object, (error) => error !== null && onEnd(error));
  });
}

function text(task: unknown): string {
  return JSON.stringify(task).slice(0, 300);
}

/** In a child process: runs the tasks of `inProcesses`, and ends with its parent process. */
export function serveTasks<Task, Answer>(work: (task: Task) => Promise<Answer>): void {
  process.on("disconnect", () => process.exit());
  process.on("message", (task: Task) => {
    const reply = (message: Reply<Answer>) => process.send?.(message);
    work(task).then(
      (answer) => reply({ answer }),
      (error) => reply({ error: String(error instanceof Error ? error.stack : error) }),
    );
  });
}
