import { expect, test } from "vitest";
import { planInit } from "../../src/cli/init/plan.js";
import { basePage, readPages } from "./pages.js";
import { namedFiles } from "./projects.js";

test("the quick start shows the files as `init` writes them", () => {
  const { files } = namedFiles(basePage(readPages()));
  // Drops the line that names the file.
  const shown = (name: string) => {
    const [, ...lines] = files.get(`convex/${name}`)?.lines ?? [];
    return lines
      .map(({ text }) => text)
      .join("\n")
      .trim();
  };
  const ours = /^import .* from "(convex-lazy-views|\.\/viewTables)";$|^ *airportStats: .*$|^ *\.\.\.lazyTables,$/;
  const schema = `${shown("schema.ts")}\n`.split("\n").filter((line) => !ours.test(line));
  expect(schema.join("\n")).not.toContain("azy");
  const before = new Map([
    ["viewTables.ts", shown("viewTables.ts")],
    ["airportStats.ts", shown("airportStats.ts")],
    ["schema.ts", schema.join("\n")],
  ]);
  const written = planInit(before).map(({ file, text }) => [file, text?.trim()]);
  const names = ["lazy.ts", "schema.ts", "http.ts"];
  expect(written).toEqual(names.map((name) => [name, shown(name)]));
});
