#!/usr/bin/env node
/** The command line `npx convex-lazy-views`: each command is a file of `commands/`. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addAdvise } from "./commands/advise.js";
import { addConnect } from "./commands/connect.js";
import { addDoctor } from "./commands/doctor.js";
import { addInit } from "./commands/init.js";
import { addRelay } from "./commands/relay.js";
import { addWatch } from "./commands/watch.js";
import { addWhy } from "./commands/why.js";
import { printError } from "./output.js";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const program = new Command("convex-lazy-views")
  .description("Sets up, checks and explains the lazy views of a Convex deployment, and advises where to use them.")
  .version(version)
  .showHelpAfterError("Run the command with --help to see its options.")
  .addHelpText(
    "after",
    `
To begin, in the folder of your app:
  $ npx convex-lazy-views init      # writes the wiring
  $ npx convex dev --once           # pushes it
  $ npx convex-lazy-views connect   # sets up how effects leave a query

Each command has examples: npx convex-lazy-views connect --help`,
  );

addInit(program);
addConnect(program);
addDoctor(program);
addRelay(program);
addWhy(program);
addWatch(program);
addAdvise(program);

// A reader such as `head` may close the pipe before everything is written.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
