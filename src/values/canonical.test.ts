import { compareValues, convexToJson, jsonToConvex, type Value } from "convex/values";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalText, fromCanonicalText } from "./canonical.js";

const fieldName = fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,8}$/);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const bytes = fc.uint8Array({ maxLength: 9 }).map((array) => new Uint8Array(array).buffer);
const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", '"', "\\", "{}", "null", "0", '{"$integer":"1"}'),
  fc.string({ minLength: 5_000, maxLength: 6_000 }),
);
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 2 ** 53, 5e-324),
);
const leaf = fc.oneof(fc.constant(null), fc.boolean(), text, number, int64, bytes);
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fieldName, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

/** A value of few possible forms, so that two of them are often equal. */
const small: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value[]>(0, -0, 1, 1n, "1", true, null, "", [], {}, [1], ["1"], { a: 1 }),
  fc.record({ a: fc.constantFrom<Value[]>(0, -0, 0n, "0"), b: fc.constantFrom<Value[]>([], {}) }),
);

/** The same value with the fields of every object in another order, and with `undefined` fields. */
function shuffled(original: Value): Value {
  if (Array.isArray(original)) return original.map(shuffled);
  if (original === null || typeof original !== "object" || original instanceof ArrayBuffer) {
    return original;
  }
  const fields = Object.entries(original).reverse();
  return Object.fromEntries([
    ["zzUndefined", undefined],
    ...fields.map(([name, field]) => [name, shuffled(field as Value)]),
  ]) as Value;
}

describe("canonical text", () => {
  test("equal values ⇔ equal texts", () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(small, small), fc.tuple(value, value)), ([a, b]) => {
        expect(canonicalText(a) === canonicalText(b)).toBe(compareValues(a, b) === 0);
      }),
      { numRuns: 2_000 },
    );
  });

  test("field order and undefined fields make no difference", () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(canonicalText(shuffled(original))).toBe(canonicalText(original));
      }),
      { numRuns: 500 },
    );
  });

  test("a value that went over the wire has the same text", () => {
    fc.assert(
      fc.property(value, (original) => {
        const wired = jsonToConvex(JSON.parse(JSON.stringify(convexToJson(original))));
        expect(canonicalText(wired)).toBe(canonicalText(original));
      }),
      { numRuns: 500 },
    );
  });

  test("gives the value back", () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(compareValues(fromCanonicalText(canonicalText(original)), original)).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test("is JSON, with sorted fields", () => {
    expect(canonicalText({ b: 1n, a: [-0, "x"] })).toBe('{"a":[{"$float":"-0"},"x"],"b":{"$integer":"1"}}');
    fc.assert(fc.property(value, (original) => JSON.parse(canonicalText(original)) !== undefined));
  });

  test.each([
    [{ a: { b: new Date(0) } }, "value.a.b is a Date"],
    [{ a: [() => 1] }, "value.a[0] is a function"],
    [{ a: Symbol("x") }, "value.a is a symbol"],
    [[undefined], "value[0] is undefined"],
    [{ big: 2n ** 63n }, "value.big is the bigint 9223372036854775808; give an int64"],
    [{ $a: 1 }, 'value.$a is the number 1; names must not start with "$"'],
    [new Map(), "value is a Map"],
    [{ text: "abc😀".slice(0, 4) }, "value.text is the string"],
  ])("names what is not a Convex value: %o", (wrong, message) => {
    expect(() => canonicalText(wrong)).toThrow(message);
  });
});
