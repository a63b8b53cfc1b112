import { describe, expect, test } from "vitest";
import { LIBRARY, type Subjects } from "../../fuzz/check.js";
import { inputOf } from "../../fuzz/inputs.js";
import { fuzz, type Report } from "../../fuzz/run.js";
import { EFFECT_SECRET, FORGERS_SECRET, PREVIOUS_SECRET, sealed, streamSignature } from "../../fuzz/signing.js";
import type { Envelope } from "../../src/effects/transports/envelope.js";
import { effectsIn, SEAL_PREFIX, sealedText } from "../nodeSeals.js";

async function run(inputs: number, broken: Partial<Subjects> = {}) {
  const failures: string[] = [];
  const report = await fuzz({ inputs, seed: 0, subjects: { ...LIBRARY, ...broken } }, ({ seed, kind, reason }) =>
    failures.push(`${kind} at seed ${seed}: ${reason}`),
  );
  return { report, failures };
}

test("5,000 broken and forged inputs: no crash, no forgery, no console line", async () => {
  const { report, failures } = await run(5_000);

  expect(failures).toEqual([]);
  const { started, ...rest } = report;
  expect(rest).toEqual({
    inputs: 5_000,
    crashes: 0,
    accepted: 0,
    malformed: 0,
    lost: 0,
    consoleLines: 0,
  });
  // The genuine seals did start work.
  expect(started).toBeGreaterThan(1_250);
});

test("a seed makes the same input every time, and the next another", () => {
  for (let seed = 0; seed < 300; seed++) {
    expect(inputOf(seed)).toEqual(inputOf(seed));
    expect(inputOf(seed)).not.toEqual(inputOf(seed + 1));
  }
});

test("clock, console and secrets are as before when it is over", async () => {
  const { log } = console;
  const { LAZY_VIEWS_SECRET } = process.env;
  await run(10);
  expect(console.log).toBe(log);
  expect(process.env.LAZY_VIEWS_SECRET).toBe(LAZY_VIEWS_SECRET);
  expect(Date.now()).toBeGreaterThan(Date.UTC(2026, 0, 2));
});

describe("the fuzzer finds", () => {
  /** Opens any seal made with a secret that the fuzzer knows. */
  const open = (line: string) => {
    const effects = [EFFECT_SECRET, PREVIOUS_SECRET, FORGERS_SECRET].flatMap((secret) => openWith(line, secret));
    return effects.length === 0 ? null : effects;
  };
  const openWith = (line: string, secret: string) => {
    try {
      return effectsIn(line, secret);
    } catch {
      return [];
    }
  };
  const { answerLogStream, unseal, unsealAll } = LIBRARY;

  const BROKEN: [what: string, where: keyof Report, broken: Partial<Subjects>][] = [
    ["a seal that is opened whatever secret made it", "accepted", { unseal: async (line) => open(line) }],
    [
      "a seal whose tag is not looked at",
      "accepted",
      {
        unseal: async (line, secrets) => {
          const effects = await unseal(line, secrets);
          const bytes = Buffer.from(line.slice(SEAL_PREFIX.length), "base64url");
          if (effects !== null || bytes.length < 28) return effects;
          // Counter mode encrypts and decrypts in the same way.
          for (const secret of secrets) {
            const iv = bytes.subarray(0, 12);
            const again = Buffer.from(sealedText(bytes.subarray(12, -16), secret, { iv }).slice(13), "base64url");
            const plain = effectsIn(sealed(again.subarray(12, -16), "any"), "any");
            if (plain.length > 0) return plain;
          }
          return null;
        },
      },
    ],
    [
      "a verifier that knows one secret too many",
      "accepted",
      { unseal: async (line, secrets) => await unseal(line, [...secrets, FORGERS_SECRET]) },
    ],
    [
      "a mutation that opens what clients forward without a look",
      "accepted",
      { openForwarded: async (seals) => ({ effects: seals.flatMap((seal) => open(seal) ?? []) }) },
    ],
    [
      "a query's answer that is opened, whoever made it",
      "accepted",
      {
        openEnvelope: async (answer) => {
          const { value, seals, once } = (answer ?? {}) as Envelope;
          return Array.isArray(seals) && Array.isArray(once)
            ? { value, effects: (await unsealAll([...once, ...seals].map(String))).effects }
            : null;
        },
      },
    ],
    [
      "a route that takes every body for signed",
      "accepted",
      {
        answerLogStream: async (request, dispatch, note) => {
          const body = new Uint8Array(await request.arrayBuffer());
          const headers = { "x-webhook-signature": streamSignature(body) };
          const { url, method } = request;
          return await answerLogStream(new Request(url, { method, body, headers }), dispatch, note);
        },
      },
    ],
    [
      "a route that takes all of an old body",
      "accepted",
      {
        answerLogStream: async (request, dispatch, note) =>
          await answerLogStream(request, (effects) => dispatch(effects, false), note),
      },
    ],
    [
      "a route that dispatches what is no effect",
      "malformed",
      {
        answerLogStream: async (request, dispatch, note) =>
          await answerLogStream(
            request,
            (effects, areOld) =>
              dispatch(
                effects.map((effect) => ({ ...effect, windowMs: Number.NaN })),
                areOld,
              ),
            note,
          ),
      },
    ],
    [
      "a route that dispatches nothing",
      "lost",
      {
        answerLogStream: async (request, dispatch, note) =>
          await answerLogStream(request, (_, areOld) => dispatch([], areOld), note),
      },
    ],
    [
      "a route that throws",
      "crashes",
      {
        answerLogStream: async (request, dispatch, note) => {
          if (request.headers.get("x-webhook-signature") === null) throw new Error("no signature");
          return await answerLogStream(request, dispatch, note);
        },
      },
    ],
    ["a route that answers something else", "crashes", { answerLogStream: async () => new Response("ok") }],
    [
      "a verifier that says what it refuses",
      "consoleLines",
      {
        unseal: async (line, secrets) => {
          const effects = await unseal(line, secrets);
          if (effects === null) console.warn(`${line} is forged`);
          return effects;
        },
      },
    ],
  ];

  test.each(BROKEN)("%s", async (_, where, broken) => {
    const { report, failures } = await run(1_500, broken);
    expect(report[where]).toBeGreaterThan(0);
    expect(failures.length).toBeGreaterThan(0);
  });
});
