import { serveTasks } from "./pool.js";

/** The tasks of the pool's tests: capitalizing a text, the number of the process, and failures. */
serveTasks(async (task: string): Promise<string> => {
  if (task === "throw") throw new Error("thrown");
  if (task === "die") process.exit(1);
  if (task === "never") await new Promise(() => {});
  if (task === "pid") return String(process.pid);
  return task.toUpperCase();
});
