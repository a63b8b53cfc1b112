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
      "Sets up how effects leave a query: chooses a transport that the deployment can have, makes its secrets, and " +
        "sends a test effect the whole way. Run it once for each deployment. It changes nothing that is set up already.",
    )
    .addOption(new Option("--transport <name>", "how effects leave a query").choices(TRANSPORTS))
    .option("--log-key <key>", "for logTail: a key that may view logs. Or set LAZY_VIEWS_LOG_KEY in the environment")
    .option("--module <path>", "the module that exports the library's functions, such as lazy")
    .option(
      "--fix",
      "change a log stream that has other topics, or posts elsewhere; with --transport, end the transport it replaces",
    )
    .option("--rotate", "give the deployment new secrets; the old ones stay valid until you remove them")
    .option("--yes", "ask no questions, and take the defaults")
    .option("--json", "print one JSON object: what was done and found")
    .addHelpText("after", EXAMPLES);
  deploymentOptions(command).action(async (options: ConnectOptions) => {
    for (const secret of [options.logKey, options.adminKey]) if (secret !== undefined) keepSecret(secret);
    if (!(await connect(options))) process.exitCode = 1;
  });
}
