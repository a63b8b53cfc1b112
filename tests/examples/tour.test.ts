import { expect, test } from "vitest";
import { startProgram } from "../program";

test("the tour ends by itself, and its last line counts what the story tells", async () => {
  const { code, stdout } = await startProgram("examples/start.ts", "tour").ends();
  expect(code).toBe(0);
  const counted = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
  // Five subscribers; a first read, one write, and twenty writes at once. On a slow machine subscribers may come after the
  // first recompute, and more than one recompute may run during the twenty writes.
  expect(counted.hits).toBeGreaterThanOrEqual(50);
  for (const count of ["misses", "staleReads", "timeToFreshMs"]) {
    expect(counted[count], count).toBeGreaterThan(0);
  }
  for (const count of ["effectsRaised", "deliveries", "dispatched", "recomputes"]) {
    expect(counted[count], count).toBeGreaterThanOrEqual(3);
  }
  expect(counted.recomputes).toBeLessThanOrEqual(counted.dispatched);
  expect(counted.dispatched).toBeLessThanOrEqual(counted.effectLines);
  const chapters = [...stdout.matchAll(/Counted: (\d+) reads: .* Raised: (?:(\d+)|no) .* Done: (?:(\d+)|no) /g)];
  const sum = (of: number) => chapters.reduce((total, chapter) => total + Number(chapter[of] ?? 0), 0);
  expect(chapters).toHaveLength(4);
  expect(sum(1)).toBe(counted.hits + counted.staleReads + counted.misses);
  expect(sum(2)).toBe(counted.effectsRaised);
  expect(sum(3)).toBe(counted.recomputes);
});
