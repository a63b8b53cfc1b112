import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pages } from "../../bench/documentation/pages.js";
import * as times from "../../src/times.js";
import { ROOT } from "../package/pack.js";

/** A number of a page with the constant that it shows: `10 minutes<!-- src/times.ts DEFAULT_TIMEOUT_MS -->`. */
const MARKED = /(\d[\d,]*)(?: (second|minute|hour|day)s?)?<!-- (src\/\S+\.ts) (\w+) -->/g;

const UNIT_MS = { second: times.SECOND, minute: times.MINUTE, hour: times.HOUR, day: times.DAY };

/** The value of a constant: a number, or a product such as `10 * MINUTE`. */
function constantOf(source: string, name: string): number | undefined {
  const [, product] = new RegExp(`\\bconst ${name} = ([\\w* ]+);`).exec(source) ?? [];
  return product
    ?.split("*")
    .map((factor) => (times as Record<string, unknown>)[factor.trim()] ?? factor.replaceAll("_", ""))
    .map(Number)
    .reduce((one, other) => one * other);
}

test("each number that a page marks with a constant of the code has the constant's value", async () => {
  let found = 0;
  for (const { name: page, text } of pages()) {
    for (const [mark, number = "", unit, file = "", name = ""] of text.matchAll(MARKED)) {
      const unitMs = unit === undefined ? 1 : UNIT_MS[unit as keyof typeof UNIT_MS];
      const source = await readFile(join(ROOT, file), "utf8");
      expect(Number(number.replaceAll(",", "")) * unitMs, `${page}: ${mark}`).toBe(constantOf(source, name));
      found++;
    }
  }
  expect(found).toBeGreaterThan(20);
});
