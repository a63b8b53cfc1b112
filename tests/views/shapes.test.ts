import type { GenericValidator } from "convex/values";
import { v } from "convex/values";
import { validate } from "convex-helpers/validators";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { toCheck } from "../../src/model/shape.js";

const name = fc.constantFrom("a", "b", "__proto__", "x.y");
const leaf = fc.constantFrom<GenericValidator>(
  v.string(),
  v.number(),
  v.int64(),
  v.boolean(),
  v.null(),
  v.bytes(),
  v.any(),
  v.id("tasks"),
  v.literal("a"),
  v.literal(1),
  v.commitTs(),
);
const { validator } = fc.letrec<{ validator: GenericValidator }>((tie) => {
  const own = tie("validator");
  const field = fc.tuple(name, own, fc.boolean());
  const object = fc.array(field, { maxLength: 3 }).map((fields) => {
    const entries = fields.map(([key, of, isOptional]) => [key, isOptional ? v.optional(of) : of]);
    return v.object(Object.fromEntries(entries)) as GenericValidator;
  });
  const list = own.map((of) => v.array(of as never) as GenericValidator);
  const record = own.map((of) => v.record(v.string(), of as never) as GenericValidator);
  const union = fc.array(own, { maxLength: 3 }).map((of) => v.union(...(of as never[])) as GenericValidator);
  return { validator: fc.oneof({ maxDepth: 3 }, leaf, object, list, record, union) };
});
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom("a", "b", 1, 2n, true, null, undefined, new ArrayBuffer(1), new Date(0), new Map()),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(name, tie("value"), { maxKeys: 3 }),
  ),
}));

test("a shape takes the values that Convex takes, as convex-helpers knows them", () => {
  fc.assert(
    fc.property(validator, value, (shape, given) => {
      const check = toCheck(shape, "value");
      if (validate(shape, given)) expect(check(given)).toBe(given);
      else expect(() => check(given)).toThrow(/^value.*: expected .*, got /);
    }),
    { numRuns: 1_000 },
  );
});

test.each<[string, GenericValidator, unknown, string]>([
  [
    "an item",
    v.array(v.object({ n: v.number() })),
    [{ n: 1 }, { n: "1" }],
    '.1.n: expected number, got the string "1"',
  ],
  ["a list for an object", v.object({}), [], ": expected object, got an array"],
  ["a field of a record", v.record(v.string(), v.int64()), { "a.b": 1 }, ".a.b: expected bigint, got the number 1"],
  ["an object for a record", v.record(v.string(), v.any()), new Map(), ": expected record, got a Map"],
  ["no member of a union", v.union(v.literal("a"), v.null()), "b", ': expected null, got the string "b"'],
  ["another literal", v.literal(1), 2, ": expected 1, got the number 2"],
])("%s that does not fit is named with its path", (_, shape, given, message) => {
  expect(() => toCheck(shape, "value")(given)).toThrow(new Error(`value${message}.`));
});
