import { expect, test } from "vitest";
import { type Program, startProgram } from "../program.js";
import { PLANTED_BUGS } from "./planted.js";

/** The report of an interrupted run: its last line, as JSON. */
async function reportOf(run: Program) {
  run.interrupt();
  const { code, stdout } = await run.ends();
  expect(code).toBe(130);
  return { stdout, report: JSON.parse(stdout.trimEnd().split("\n").at(-1) as string) };
}

test("interrupted during the histories, it reports those that were run", async () => {
  const run = startProgram("tests/simulation/run.ts", "--histories", "100000", "--json");
  await run.prints(/^simulate: 0 of 100000 histories \(0 %\)$/m);
  const { stdout, report } = await reportOf(run);
  const { histories } = report;
  expect(histories).toBeLessThan(100_000);
  expect(report).toEqual({
    histories,
    violations: 0,
    plantedBugs: PLANTED_BUGS.length,
    plantedBugsFound: 0,
    interrupted: true,
  });
  expect(stdout).toContain(`interrupted: ${histories} of 100000 histories were run`);
  expect(stdout).toMatch(/ \d+ a second: 0 violations$/m);
});

test("interrupted during the search for planted bugs, it reports those that were found", async () => {
  const run = startProgram("tests/simulation/run.ts", "--histories", "0", "--json");
  await run.prints(/^planted: .*: found in history \d+$/m);
  const { stdout, report } = await reportOf(run);
  const found = stdout.match(/^planted: .*: found in history \d+$/gm)?.length;
  expect(found).toBeLessThan(PLANTED_BUGS.length);
  expect(report).toMatchObject({ histories: 0, plantedBugsFound: found, interrupted: true });
  expect(stdout).toContain(`interrupted: ${found} of ${PLANTED_BUGS.length} planted bugs`);
});
