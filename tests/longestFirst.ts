import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take longest, the longest first. */
const LONGEST = [
  "tests/browser/page.test.ts",
  "tests/examples/tour.test.ts",
  "tests/simulation/histories.test.ts",
  "tests/simulation/planted.test.ts",
  "tests/protocol.test.ts",
  "tests/examples/authz/grants.property.test.ts",
  "tests/package/package.test.ts",
  "tests/docs/commands.test.ts",
  "tests/docs/links.test.ts",
  "tests/bench/bench.test.ts",
];

/** Runs the longest files first, so that no core is idle at the end. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex((file) => moduleId.endsWith(file));
      return place === -1 ? LONGEST.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}
