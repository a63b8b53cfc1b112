import { expect, test } from "vitest";
import { costFigures } from "../../bench/costs/figures";
import type { CostRecordings } from "../../bench/costs/measure";
import { formatCosts } from "../../bench/costs/report";
import type { Cells } from "../../bench/costs/scenarios";
import { FULL, QUICK } from "../../bench/sizes";
import { startProgram } from "../program";

/** The recordings of a form, with the fields that the figures use. */
function recordings(cells: Cells): Partial<CostRecordings> {
  const amounts = { documentsRead: 1, documentsWritten: 1, writeConflicts: 1, otherConflicts: 1 };
  const recording = {
    amounts: { ...amounts, logEvents: 1 },
    bound: { recomputes: 1, documents: 1 },
    staleP99: 0,
    writes: 1,
    countedMs: 1,
    recomputedAt: [0],
  };
  const measured = Object.entries(cells).map(([name, each]) => [name, each.map((cell) => ({ ...cell, recording }))]);
  return {
    ...Object.fromEntries(measured),
    mass: { rows: 1, documentsRead: 0, documentsWritten: 1 },
  };
}

/** The paths of the figures in a value. All ratios share one path. */
function placesOf(value: unknown, place = ""): string[] {
  if (Array.isArray(value)) {
    return [...new Set(value.flatMap((each) => placesOf(each, `${place}[]`)))];
  }
  if (typeof value !== "object" || value === null) return [place];
  return Object.entries(value).flatMap(([name, each]) => placesOf(each, `${place}.${name}`));
}

test("the quick form has every figure of the full one", () => {
  const [quick, full] = [QUICK, FULL].map(({ cells }) => placesOf(costFigures(recordings(cells))));
  expect(full).toContain(".ratios[].documents.lazy");
  expect(full).toContain(".conflicts.trigger");
  expect(quick?.toSorted()).toEqual(full?.toSorted());
});

test("the quick form measures only what the full one measures, so that goals mean the same", () => {
  const { cells } = FULL;
  for (const [name, quick] of Object.entries(QUICK.cells) as [keyof Cells, unknown[]][]) {
    expect(cells[name], name).toEqual(expect.arrayContaining(quick));
  }
});

test("an incomplete measurement has no figure and no section", () => {
  const { contended, mass } = recordings(QUICK.cells);
  const figures = costFigures({ contended, mass });
  expect(Object.keys(figures)).toEqual(["massInvalidation", "conflicts"]);
  const text = formatCosts({ mass }, costFigures({ mass })).join("\n");
  expect(text).toContain("massInvalidation.documentsWritten");
  expect(text).not.toContain("conflicts.");
  expect(formatCosts({}, costFigures({}))).toEqual([]);
});

test("the bench prints its complete measurements when it is interrupted", async () => {
  const bench = startProgram("bench/index.ts", "--json");
  await bench.prints(/^bench: 0 of \d+ measurements \(0 %\)$/m);
  bench.interrupt();
  const { code, stdout } = await bench.ends();
  expect(code).toBe(130);
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^Quick form: .* --full/);
  expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ interrupted: true });
  expect(stdout).toMatch(/^interrupted: \d+ of \d+ measurements were made/m);
});
