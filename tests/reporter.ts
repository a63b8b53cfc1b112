import { relative } from "node:path";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";
import { SEED } from "./seed.js";

type Failed = TestCase | TestSuite | TestModule;

/**
 * Prints at the end the command that runs each failed test alone, and then a line `N passed, N failed`, which scripts
 * can count on.
 */
export default class ClosingLines implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const failed: Failed[] = [
      ...tests.filter((test) => test.result().state === "failed"),
      // When a file cannot be loaded or a hook throws, the tests are skipped, not failed.
      ...suites.filter((suite) => suite.errors().length > 0),
    ];
    const commands = failed.map((each) => `  ${commandOf(each)}`);
    if (failed.length > 0) console.log(`Run again:\n${commands.join("\n")}\n`);
    const passed = tests.filter((test) => test.result().state === "passed");
    console.log(`${passed.length} passed, ${failed.length} failed`);
  }
}

/** The command that runs the failed test, suite or file alone, with the same random cases. */
export function commandOf(failed: Failed): string {
  const { moduleId } = failed.type === "module" ? failed : failed.module;
  const command = `SEED=${SEED} npx vitest run ${relative(process.cwd(), moduleId)}`;
  if (failed.type === "module") return command;
  const names = [failed.name];
  for (let at = failed.parent; at.type !== "module"; at = at.parent) names.unshift(at.name);
  const name = names.join(" ").replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const pattern = `^${name}${failed.type === "test" ? "$" : ""}`;
  return `${command} -t '${pattern.replaceAll("'", "'\\''")}'`;
}
