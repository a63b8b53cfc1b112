import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";

interface PoolOptions<Answer> {
  /** Told of each answer as it comes; with `false` no task is begun any more. */
  onAnswer?: (answer: Answer) => boolean | undefined;
}

/**
 * Has tasks worked off by child processes, one for each core, each with one task at a time. They run a module that
 * calls `serveTasks`. Tasks and answers are copied (`structuredClone`).
 *
 * @returns The answers, in the order of their tasks; those of tasks that were not begun are missing.
 * @throws Error when a task throws, or a process ends before its time.
 */
export async function inProcesses<Task, Answer>(
  module: URL,
  tasks: readonly Task[],
  { onAnswer = () => true }: PoolOptions<Answer> = {},
): Promise<Answer[]> {
  const answers = new Map<number, Answer>();
  let next = 0;
  let goesOn = true;
  const workOff = async () => {
    const child = fork(module, { execArgv: ["--import", "tsx"], serialization: "advanced" });
    try {
      while (goesOn && next < tasks.length) {
        const index = next++;
        const answer = await ask<Task, Answer>(child, tasks[index] as Task);
        answers.set(index, answer);
        if (onAnswer(answer) === false) goesOn = false;
      }
    } catch (error) {
      goesOn = false;
      throw error;
    } finally {
      child.kill();
    }
  };
  const processes = Math.min(availableParallelism(), tasks.length);
  await Promise.all(Array.from({ length: processes }, workOff));
  return [...answers].sort(([a], [b]) => a - b).map(([, answer]) => answer);
}

type Reply<Answer> = { answer: Answer } | { error: string };

function ask<Task, Answer>(child: ChildProcess, task: Task): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error(`a process ended during the task ${text(task)}`));
    child.once("exit", onExit);
    child.once("message", (reply: Reply<Answer>) => {
      child.off("exit", onExit);
      if ("answer" in reply) resolve(reply.answer);
      else reject(new Error(`the task ${text(task)} failed: ${reply.error}`));
    });
    child.send(task as object);
  });
}

function text(task: unknown): string {
  return JSON.stringify(task).slice(0, 300);
}

/** In a child process: works off what `inProcesses` asks for. */
export function serveTasks<Task, Answer>(work: (task: Task) => Promise<Answer>): void {
  process.on("message", (task: Task) => {
    const reply = (message: Reply<Answer>) => process.send?.(message);
    work(task).then(
      (answer) => reply({ answer }),
      (error) => reply({ error: String(error instanceof Error ? error.stack : error) }),
    );
  });
}
