#!/usr/bin/env node
/** The command line `npx convex-lazy-views`: each command is a file of `commands/`. */
import { readFileSync } from "node:fs";
import { Command } from "commander";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const program = new Command("convex-lazy-views")
  .description("Connects, checks, explains and advises on lazy views of a Convex deployment.")
  .version(version)
  .showHelpAfterError();

await program.parseAsync();
