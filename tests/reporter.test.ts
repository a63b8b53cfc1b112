import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { TestCase, TestModule, TestSuite } from "vitest/node";
import { commandOf } from "./reporter";
import { SEED } from "./seed";

const module = { type: "module", moduleId: `${process.cwd()}/tests/a.test.ts` } as TestModule;
const suite = { type: "suite", name: "b (c)", module, parent: module } as unknown as TestSuite;

/** Splits a command into words, as the shell does. */
function wordsOf(command: string): string[] {
  return execFileSync("sh", ["-c", `printf '%s\\n' ${command}`], { encoding: "utf8" })
    .trimEnd()
    .split("\n");
}

test.each(["is quick", "it's [1] $5 + 2", 'says "no", or \\d'])("the test %j of a suite is run again alone", (name) => {
  const failed = { type: "test", name, module, parent: suite } as unknown as TestCase;
  const words = wordsOf(commandOf(failed));
  const pattern = new RegExp(words.pop() as string);
  expect(words).toEqual([`SEED=${SEED}`, "npx", "vitest", "run", "tests/a.test.ts", "-t"]);
  expect(`b (c) ${name}`).toMatch(pattern);
  expect(`b (c) ${name} with more`).not.toMatch(pattern);
  expect(`a b (c) ${name}`).not.toMatch(pattern);
});

test("a suite whose hook throws is run again with all its tests, and a file that cannot be loaded as a whole", () => {
  const pattern = wordsOf(commandOf(suite)).at(-1) as string;
  expect("b (c) any test").toMatch(new RegExp(pattern));
  expect(wordsOf(commandOf(module)).at(-1)).toBe("tests/a.test.ts");
});
