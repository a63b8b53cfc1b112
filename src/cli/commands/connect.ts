import { type Command, Option } from "commander";
import { TRANSPORTS } from "../../model/app.js";
import type { ConnectOptions } from "../connect/context.js";
import { connect } from "../connect/index.js";
import { deploymentOptions } from "../deployment.js";
import { keepSecret } from "../output.js";

const EXAMPLES = `
Examples:
  $ npx convex-lazy-views connect
  $ npx convex-lazy-views connect --prod --transport logTail --log-key "$KEY"
  $ npx convex-lazy-views connect --rotate`;

/** Adds the command `connect` to the program. */
export function addConnect(program: Command): void {
  const command = program
    .command("connect")
    .summary("sets up how effects leave a query, and proves it")
    .description(
      "Sets up how effects leave a query: chooses the transport that the deployment can have, makes and sets its " +
        "secrets, and sends an effect the whole way. Run it once for each deployment. What is set up stays as it is.",
    )
    .addOption(new Option("--transport <name>", "how effects leave a query").choices(TRANSPORTS))
    .option("--log-key <key>", "for logTail: a key that may view logs; the variable LAZY_VIEWS_LOG_KEY says it, too")
    .option("--module <path>", "the module that exports the library's functions, such as lazy")
    .option(
      "--fix",
      "change a log stream that has other topics, or posts elsewhere; end the transport that another one replaces",
    )
    .option("--rotate", "give the deployment new secrets, without a gap")
    .option("--yes", "ask nothing, and take the default")
    .option("--json", "print one object of what was done and found")
    .addHelpText("after", EXAMPLES);
  deploymentOptions(command).action(async (options: ConnectOptions) => {
    for (const secret of [options.logKey, options.adminKey]) if (secret !== undefined) keepSecret(secret);
    if (!(await connect(options))) process.exitCode = 1;
  });
}
