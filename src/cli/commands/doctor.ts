import type { Command } from "commander";
import { deploymentOptions } from "../deployment.js";
import { type DoctorOptions, examine } from "../doctor/index.js";
import { keepSecret } from "../output.js";

const EXAMPLES = `
Examples:
  $ npx convex-lazy-views doctor
  $ npx convex-lazy-views doctor --prod --no-heartbeat   # writes nothing
  $ npx convex-lazy-views doctor --json

✗ is a problem, ! is advice, ✓ is right. The exit code is 1 when there is a problem.`;

/** Adds the command `doctor` to the program. */
export function addDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .summary("says what is wrong, and how to mend it")
    .description(
      "Checks the app's folder and the deployment, sends a test effect the whole way, and prints one line for each " +
        "thing that it finds, with the command that mends it.",
    )
    .option("--module <path>", "the module that exports the library's functions, such as lazy")
    .option("--no-heartbeat", "write nothing on the deployment: run no heartbeat, and send no effect")
    .option("--verbose", "also print notes, which are neither right nor wrong")
    .option("--json", "print one JSON object: all findings, and the report of `inspect`")
    .addHelpText("after", EXAMPLES);
  deploymentOptions(command).action(async (options: DoctorOptions) => {
    if (options.adminKey !== undefined) keepSecret(options.adminKey);
    if (!(await examine(options))) process.exitCode = 1;
  });
}
