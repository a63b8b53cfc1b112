import { serveTasks } from "./pool.js";

/** What the tests of the pool have done: a text in capitals, the number of the process, or what goes wrong. */
serveTasks(async (task: string): Promise<string> => {
  if (task === "throw") throw new Error("thrown");
  if (task === "die") process.exit(1);
  if (task === "never") await new Promise(() => {});
  if (task === "pid") return String(process.pid);
  return task.toUpperCase();
});
