import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** Runs `npm run demo` until `stop()`, which presses Ctrl-C and gives the exit code. */
export async function startDemo({ intervalMs }: { intervalMs: number }) {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "examples/demo.ts", "--interval", String(intervalMs)],
    { cwd: repository, stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill("SIGINT");
    const [code] = (await exited) as [number | null];
    return code;
  };
  for await (const line of createInterface(child.stdout)) {
    if (URL.canParse(line)) return { url: line, stop };
  }
  throw new Error(`The demo ended without an address, with exit code ${child.exitCode}.`);
}
