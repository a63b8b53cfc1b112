import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Effect } from "./effect.js";
import { findSeals, seal, unseal } from "./seal.js";
import { sign } from "./sign.js";

const SECRET = "a secret of at least thirty-two characters";
const OTHER = "another secret of more than 32 characters!";

afterEach(() => vi.restoreAllMocks());

const effect: fc.Arbitrary<Effect> = fc.record(
  {
    target: fc.stringMatching(/^[a-z]{1,10}:[a-z]{1,10}$/),
    args: fc.dictionary(
      fc.stringMatching(/^[a-z]{1,6}$/),
      fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.bigInt({ min: -9n, max: 9n })),
      { maxKeys: 3, noNullPrototype: true },
    ),
    windowMs: fc.nat(),
    key: fc.string(),
    seen: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  },
  { requiredKeys: ["target", "args", "windowMs"], noNullPrototype: true },
);

describe("a seal", () => {
  test("gives back the effects, in lines under 4,000 bytes, whatever they are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(effect, { maxLength: 60 }), async (effects) => {
        const lines = await seal(effects, SECRET);
        for (const line of lines) {
          expect(new TextEncoder().encode(`'${line}'`).length).toBeLessThan(4_000);
          expect(line).toMatch(/^[\x21-\x7e]+$/);
          expect(line).not.toMatch(/['"\\]/);
        }
        const opened = await Promise.all(lines.map((line) => unseal(line, [SECRET])));
        expect(opened.flat()).toEqual(effects);
      }),
      { numRuns: 200 },
    );
  });

  test("carries the snapshot that was seen as text, and is refused with another form of it", async () => {
    const json = (s: unknown) => JSON.stringify([{ f: "a:b", a: {}, w: 1, s }]);
    const signed = async (payload: string) => {
      const text = `lazy-views:1:${Buffer.from(payload).toString("base64url")}`;
      return `${text}.${Buffer.from(await sign(text, SECRET)).toString("base64url")}`;
    };
    const effect: Effect = { target: "a:b", args: {}, windowMs: 1, seen: 2n ** 63n - 1n };
    const line = await signed(json("9223372036854775807"));
    expect(await seal([effect], SECRET)).toEqual([line]);
    expect(await unseal(line, [SECRET])).toEqual([effect]);
    // The last two: no whole number, and the number of commits that release 0.1 sent.
    for (const wrong of ["-1", "0x10", "", "1".repeat(20), null, true, [1], 1.5, 3]) {
      expect(await unseal(await signed(json(wrong)), [SECRET])).toBeNull();
    }
  });

  test("is found in any text around it, and two in one text", async () => {
    const lines = await seal([{ target: "a:b", args: {}, windowMs: 1 }], SECRET);
    const [line] = lines as [string];
    expect(findSeals(`some 'text' ${line}' and ${line}`)).toEqual([line, line]);
  });

  test("altered in any one character is refused", async () => {
    const lines = await seal([{ target: "a:b", args: { n: 1 }, windowMs: 1 }], SECRET);
    const [line] = lines as [string];
    for (let i = 0; i < line.length; i++) {
      for (const other of ["A", "B", "-", "%", "é"]) {
        const altered = line.slice(0, i) + other + line.slice(i + 1);
        if (altered === line) continue;
        for (const found of findSeals(altered)) {
          const opened = await unseal(found, [SECRET]);
          // base64url's last character has bits that mean nothing: such a seal is the same seal.
          if (opened !== null) expect(i).toBe(line.length - 1);
        }
      }
    }
  });

  test("of another secret is refused; one of several is enough", async () => {
    const lines = await seal([{ target: "a:b", args: {}, windowMs: 1 }], SECRET);
    const [line] = lines as [string];
    expect(await unseal(line, [OTHER])).toBeNull();
    expect(await unseal(line, [])).toBeNull();
    expect(await unseal(line, [OTHER, SECRET])).toHaveLength(1);
  });

  test("truncated, or of garbage, is refused", async () => {
    const lines = await seal([{ target: "a:b", args: {}, windowMs: 1 }], SECRET);
    const [line] = lines as [string];
    for (let length = 0; length < line.length; length++) {
      const part = line.slice(0, length);
      for (const found of [part, ...findSeals(part)]) expect(await unseal(found, [SECRET])).toBeNull();
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        expect(await unseal(text, [SECRET])).toBeNull();
        for (const found of findSeals(`lazy-views:1:${text}`)) {
          expect(await unseal(found, [SECRET])).toBeNull();
        }
      }),
      { numRuns: 500 },
    );
  });

  test("leaves out an effect that fits in no line, and keeps the others", async () => {
    const small: Effect = { target: "a:b", args: {}, windowMs: 1 };
    const large: Effect = { target: "a:c", args: { text: "x".repeat(3_000) }, windowMs: 1 };
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const lines = await seal([small, large, small], SECRET);
    expect(complaint).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/effect for a:c was not sent: it takes 3035 bytes, at most 2949 fit/),
    );
    expect(await unseal(lines[0] as string, [SECRET])).toEqual([small, small]);
  });
});
