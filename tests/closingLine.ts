import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with `N passed, N failed` alone on a line, for those who count without parsing the rest. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    // A module that could not be loaded has failed, and has no tests.
    const broken = modules.filter((module) => module.errors().length > 0).length;
    console.log(`${count("passed")} passed, ${count("failed") + broken} failed`);
  }
}
