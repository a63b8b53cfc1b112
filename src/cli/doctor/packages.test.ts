import { expect, test } from "vitest";
import { satisfies } from "./packages.js";

test.each([
  ["1.47.0", true],
  ["1.47.12", true],
  ["1.49.0-alpha.2", true],
  ["1.46.9", false],
  ["0.99.0", false],
  ["2.0.0", false],
])("convex %s is in ^1.47.0: %s", (version, isIn) => {
  expect(satisfies(version, "^1.47.0")).toBe(isIn);
});
