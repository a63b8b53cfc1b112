import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { effectsIn, SEAL_PREFIX, sealedText, vectorOf } from "../../tests/nodeSeals.js";
import type { Effect } from "./effect.js";
import { seal, sealForSending, sealOf, unseal, unsealAll } from "./seal.js";

const SECRET = "a secret of at least thirty-two characters";
const OTHER = "another secret of more than 32 characters!";
const SMALL: Effect = { target: "a:b", args: { n: 1 }, windowMs: 1 };
const onlyLine = async (effects: Effect[], secret = SECRET) => {
  const lines = await seal(effects, secret);
  expect(lines).toHaveLength(1);
  return lines[0] as string;
};

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

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
    const sealed = (s: unknown) => sealedText(JSON.stringify([{ f: "a:b", a: {}, w: 1, s }]), SECRET);
    const effect: Effect = { target: "a:b", args: {}, windowMs: 1, seen: 2n ** 63n - 1n };
    const line = sealed("9223372036854775807");
    expect(await seal([effect], SECRET)).toEqual([line]);
    expect(await unseal(line, [SECRET])).toEqual([effect]);
    // The last two: no whole number, and the number of commits that release 0.1 sent.
    for (const wrong of ["-1", "0x10", "", "1".repeat(20), null, true, [1], 1.5, 3]) {
      expect(await unseal(sealed(wrong), [SECRET])).toBeNull();
    }
  });

  // Made with Node's crypto: HMAC-SHA256 for the key and the vector, and AES-256-GCM.
  test.each<[plaintext: string, effects: Effect[], line: string]>([
    [
      '[{"f":"tracking:viewed","a":{"doc":"d1"},"w":10000}]',
      [{ target: "tracking:viewed", args: { doc: "d1" }, windowMs: 10_000 }],
      "lazy-views:2:Skh4jwvpZwY41myJOZEC5T8tmTsHf_stjldA0rNnaX5AImsofcX6bUEFdm9EJo6uqZ_D9NQ8idAGN7cEwDiN0qEaXAnJyCd4yiNnFmmvjCY",
    ],
    [
      '[{"f":"lazy:recompute","a":{"args":{"list":"ä"},"view":"totals"},"w":10000,"s":"9223372036854775807"}]',
      [
        {
          target: "lazy:recompute",
          args: { view: "totals", args: { list: "ä" } },
          windowMs: 10_000,
          seen: 9_223_372_036_854_775_807n,
        },
      ],
      "lazy-views:2:oKNqj4oT28E--5UJ26XGwlB9VKbykZE1RuH-hBrUdwr8i8P_BGnK-Xo3LsxWXDyWCLr2Ds2I9yj8LQ-yXl4p0tf0RsG7o1NbIjFFPWzNW6yjzkzNrnzK9ZrvEpp_6IWcbA59zIM-t9Bma2o8t8BFzpMONm9CTF9IvGJJDMYV5aVjkco",
    ],
  ])("of %s is what another implementation makes of it", async (plaintext, effects, line) => {
    expect(await seal(effects, SECRET)).toEqual([line]);
    expect(await unseal(line, [SECRET])).toEqual(effects);
    expect(sealedText(plaintext, SECRET)).toBe(line);
  });

  test("is what Node's crypto makes and opens, for any effects", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(effect, { minLength: 1, maxLength: 30 }), async (effects) => {
        const lines = await seal(effects, SECRET);
        const opened = lines.map((line) => effectsIn(line, SECRET));
        expect(opened.flat()).toEqual(effects);
      }),
      { numRuns: 100 },
    );
  });

  test("is equal for equal effects; different effects never share an initialization vector", async () => {
    const textOf = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(effect, fc.constantFrom(SECRET, OTHER), async (effect, secret) => {
        const line = await onlyLine([effect], secret);
        // The order of its arguments does not matter.
        const args = Object.fromEntries(Object.entries(effect.args).reverse());
        expect(await onlyLine([{ ...effect, args }], secret)).toBe(line);
        const [opened] = (await unseal(line, [secret])) ?? [];
        expect(opened).toEqual(effect);
        // A line of another effect, or of another secret, that has been there before.
        const vector = line.slice(SEAL_PREFIX.length, SEAL_PREFIX.length + 16);
        expect(textOf.get(vector) ?? line).toBe(line);
        textOf.set(vector, line);
      }),
      { numRuns: 1_000 },
    );
    expect(textOf.size).toBeGreaterThan(500);
  });

  test("says nothing of the effects in it", async () => {
    const bytes = Buffer.from((await onlyLine([SMALL])).slice(SEAL_PREFIX.length), "base64url");
    const plaintext = '[{"f":"a:b","a":{"n":1},"w":1}]';
    expect(bytes).toHaveLength(12 + plaintext.length + 16);
    expect(bytes.subarray(0, 12)).toEqual(vectorOf(plaintext, SECRET));
    expect(bytes.includes("a:b")).toBe(false);
  });

  test("altered in any one character is refused", async () => {
    const line = await onlyLine([SMALL]);
    for (let i = 0; i < line.length; i++) {
      for (const other of ["A", "B", "-", "%", "é"]) {
        const altered = line.slice(0, i) + other + line.slice(i + 1);
        if (altered === line) continue;
        const opened = await unseal(altered, [SECRET]);
        // base64url's last character has bits that mean nothing: such a seal is the same seal.
        if (opened !== null) expect(i).toBe(line.length - 1);
      }
    }
  });

  test("of another secret is refused; one of several is enough", async () => {
    const line = await onlyLine([SMALL]);
    expect(await unseal(line, [OTHER])).toBeNull();
    expect(await unseal(line, [])).toBeNull();
    expect(await unseal(line, [OTHER, SECRET])).toEqual([SMALL]);
  });

  test("with another vector or key than its own is refused, also when its plaintext is right", async () => {
    const plaintext = '[{"f":"a:b","a":{},"w":1}]';
    const iv = vectorOf("another text", SECRET);
    const genuine = sealedText(plaintext, SECRET);
    const swapped = SEAL_PREFIX + iv.toString("base64url") + genuine.slice(SEAL_PREFIX.length + 16);
    expect(await unseal(swapped, [SECRET])).toBeNull();
    const ownKey = sealedText(plaintext, SECRET, { key: Buffer.from(SECRET.slice(0, 32)) });
    expect(await unseal(ownKey, [SECRET])).toBeNull();
  });

  test("truncated, or of garbage, is refused", async () => {
    const line = await onlyLine([SMALL]);
    for (let length = 0; length < line.length; length++) {
      expect(await unseal(line.slice(0, length), [SECRET])).toBeNull();
    }
    for (const more of ["A", "AA", "AAA", "AAAA", " ", "'", ".", line]) {
      expect(await unseal(line + more, [SECRET])).toBeNull();
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.base64String(), async (text, base64) => {
        expect(await unseal(text, [SECRET])).toBeNull();
        for (const rest of [text, base64.replaceAll("=", "")]) {
          expect(await unseal(SEAL_PREFIX + rest, [SECRET])).toBeNull();
        }
      }),
      { numRuns: 500 },
    );
  });

  test("leaves out an effect that fits in no line, and keeps the others", async () => {
    const large: Effect = { target: "a:c", args: { text: "x".repeat(3_000) }, windowMs: 1 };
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const line = await onlyLine([SMALL, large, SMALL]);
    expect(complaint).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/effect for a:c was not sent: it takes 3035 bytes, at most 2954 fit/),
    );
    expect(await unseal(line, [SECRET])).toEqual([SMALL, SMALL]);
  });

  test("of the largest effect is a line, and one byte more is none", async () => {
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const ofLength = (length: number): Effect => ({ target: "a:c", args: { text: "x".repeat(length) }, windowMs: 1 });
    const largest = 2_954 - '[{"f":"a:c","a":{"text":""},"w":1}]'.length;
    const line = await onlyLine([ofLength(largest)]);
    expect(sealOf(`'${line}'`)).toBe(line);
    expect(complaint).not.toHaveBeenCalled();
    expect(await seal([ofLength(largest + 1)], SECRET)).toEqual([]);
    expect(complaint).toHaveBeenCalledOnce();
  });
});

describe("a message of the log", () => {
  test("is one seal, with Convex's quotes or without, or none", async () => {
    const line = await onlyLine([SMALL]);
    expect(sealOf(line)).toBe(line);
    expect(sealOf(`'${line}'`)).toBe(line);
    const others = [
      `a ${line}`,
      `'a' '${line}'`,
      `${line} `,
      `${line}\n`,
      `${line}'${line}`,
      `''${line}''`,
      `"${line}"`,
    ];
    for (const message of [...others, line.toUpperCase(), line.replace(":2:", ":1:")]) {
      expect(sealOf(message), message).toBeNull();
    }
    expect(sealOf(`${SEAL_PREFIX}${"A".repeat(30_000)}`)).toBeNull();
  });
});

describe("during a rotation of the secret", () => {
  test("effects are sealed with the new one; seals of both are opened, each effect once", async () => {
    const other: Effect = { ...SMALL, target: "a:c" };
    const before = [await onlyLine([SMALL]), await onlyLine([other])];
    vi.stubEnv("LAZY_VIEWS_SECRET", OTHER);
    expect(await unsealAll(before)).toEqual({ effects: [], forged: 2 });
    vi.stubEnv("LAZY_VIEWS_SECRET_PREVIOUS", SECRET);
    const after = await sealForSending([SMALL]);
    expect(after).toEqual([sealedText('[{"f":"a:b","a":{"n":1},"w":1}]', OTHER)]);
    expect(await unsealAll([...before, ...after])).toEqual({ effects: [SMALL, other], forged: 0 });
    vi.stubEnv("LAZY_VIEWS_SECRET_PREVIOUS", "");
    expect(await unsealAll([...before, ...after])).toEqual({ effects: [SMALL], forged: 2 });
  });

  test("a previous secret that is too short opens nothing", async () => {
    const short = "of 31 characters, which are few";
    vi.stubEnv("LAZY_VIEWS_SECRET", OTHER);
    vi.stubEnv("LAZY_VIEWS_SECRET_PREVIOUS", short);
    expect(await unsealAll([await onlyLine([SMALL], short)])).toEqual({ effects: [], forged: 1 });
  });
});

test("texts are opened in groups, until a group's worth is forged: a body of Convex is no larger than a group", async () => {
  vi.stubEnv("LAZY_VIEWS_SECRET", SECRET);
  const effects = Array.from({ length: 300 }, (_, n): Effect => ({ ...SMALL, args: { n } }));
  const genuine = await Promise.all(effects.map((effect) => onlyLine([effect])));
  const forged = await Promise.all(effects.map((effect) => onlyLine([effect], OTHER)));
  expect(await unsealAll(genuine)).toEqual({ effects, forged: 0 });
  expect(await unsealAll([...forged.slice(0, 127), ...genuine])).toEqual({ effects, forged: 127 });
  expect(await unsealAll([...forged, ...genuine])).toEqual({ effects: [], forged: 128 });
});
