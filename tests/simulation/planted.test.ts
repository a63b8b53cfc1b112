import { expect, test } from "vitest";
import { findBug } from "./campaign.js";
import { PLANTED_BUGS } from "./planted.js";

test.each(PLANTED_BUGS)("finds: $name", async (bug) => {
  expect(await findBug(bug, 3_000, bug.seed)).not.toBeNull();
});
