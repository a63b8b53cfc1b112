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
  const children: ChildProcess[] = [];
  const workOff = async () => {
    const child = fork(module, { execArgv: ["--import", "tsx"], serialization: "advanced" });
    children.push(child);
    while (goesOn && next < tasks.length) {
      const index = next++;
      const answer = await ask<Task, Answer>(child, tasks[index] as Task);
      answers.set(index, answer);
      if (onAnswer(answer) === false) goesOn = false;
    }
  };
  const processes = Math.min(availableParallelism(), tasks.length);
  try {
    await Promise.all(Array.from({ length: processes }, workOff));
  } finally {
    for (const child of children) child.kill();
  }
  return [...answers].sort(([a], [b]) => a - b).map(([, answer]) => answer);
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

/** In a child process: works off what `inProcesses` asks for, and ends with the process that asks. */
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
