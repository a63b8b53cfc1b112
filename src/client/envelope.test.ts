import fc from "fast-check";
import { expect, test } from "vitest";
import { SEED } from "../../tests/seed.js";
import { UNSTORABLE } from "../effects/transports/envelope.js";
import { isEnvelope, isMarkable } from "./envelope.js";

const envelope = { value: 1, seals: [], once: [], forward: "lazy:forward", lazyViews: UNSTORABLE };

test("no value that fits into a document makes an envelope, nor is one in a document", () => {
  expect(isEnvelope(envelope)).toBe(true);
  // Convex counts the document itself as the first of 16 levels.
  const stored = fc.oneof(fc.jsonValue({ maxDepth: 14 }), nestedLists(15));
  fc.assert(
    fc.property(stored, (value) => {
      expect(isEnvelope(value)).toBe(false);
      expect(isEnvelope({ ...envelope, lazyViews: value })).toBe(false);
    }),
    { seed: SEED },
  );
});

test("a text that a query parses can make one", () => {
  expect(isEnvelope(JSON.parse(JSON.stringify(envelope)))).toBe(true);
});

/** Lists in lists, at most so deep. */
function nestedLists(levels: number): fc.Arbitrary<unknown> {
  return fc.integer({ min: 1, max: levels }).map((depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth)));
}

test("only calls whose arguments do not say `lazyViews` are marked", () => {
  expect([{}, { a: 1n, b: [null] }, { a: "lazyview" }].map((args) => isMarkable(args as never))).toEqual([
    true,
    true,
    true,
  ]);
  const others = [{ lazyViews: 1 }, { a: [{ lazyViews: [] }] }, { a: "lazyViews" }, { a: new Date() }];
  expect(others.map((args) => isMarkable(args as never))).toEqual([false, false, false, false]);
});
