import type { Dice } from "./dice.js";
import { NOW } from "./surroundings.js";

/*
 * Payloads of seals, as JSON text: only text can express 1e999, or a field that occurs twice.
 */

const HOUR = 3_600_000;
const DEPTHS = [60, 1_000, 2_500, 30_000];

/** JSON that naive code handles wrongly. */
const ODD_JSON = [
  ...["null", "true", "0", "-0", "-1", "1.5", "1e308", "1e999", "-1e999", "5e-324"],
  ...[
    "9007199254740993",
    '"NaN"',
    '""',
    '"1"',
    '"-1"',
    '"0x1"',
    '"9223372036854775807"',
    '"9223372036854775808"',
    '"\\ud800"',
    '"a\\udc00b"',
    '"\\u0000"',
    '"\\ufeff"',
  ],
  ...["[]", "{}", "[[]]", "[null]", '{"":1}', '{"é":1}', '{"a b":1}', '{"a":1,"a":2}', '{"_id":1}'],
  ...['{"$integer":"AAAAAAAAAAA="}', '{"$integer":"AA=="}', '{"$integer":"?"}', '{"$integer":1}'],
  ...['{"$float":"AAAAAAAA+H8="}', '{"$float":"AAAAAAAAAIA="}', '{"$float":"AAAA"}'],
  ...['{"$bytes":"AAEC"}', '{"$bytes":"A"}', '{"$bytes":null}', '{"$commitTs":null}'],
  ...['{"$set":[]}', '{"$map":[]}', '{"$undefined":null}', '{"$a":1}', '{"$a":1,"b":2}'],
  ...['{"__proto__":null}', '{"__proto__":{"f":"a:b"}}', '{"__proto__":1}', '{"constructor":1}'],
  ...['{"constructor":{"prototype":{"f":1}}}', '{"toString":1,"valueOf":1}', '{"toJSON":1}'],
  ...['{"length":1e9}', '{"then":1}', '{"a":{"\\ud800":1}}', '{"a":"\\ud800"}', '{"a":[1e999]}'],
];

export function oddJson(dice: Dice): string {
  if (dice.chance(0.98)) return dice.pick(ODD_JSON);
  if (dice.chance(0.5)) return JSON.stringify(dice.pick(["x", "é", "\u0000"]).repeat(5_000));
  const depth = dice.pick(DEPTHS);
  return dice.chance(0.5)
    ? "[".repeat(depth) + "]".repeat(depth)
    : '{"a":'.repeat(depth).concat("1", "}".repeat(depth));
}

const PLAIN_ARGS = [
  "{}",
  '{"doc":"k17"}',
  '{"view":"totals","args":{"list":"a"}}',
  '{"n":{"$integer":"AQAAAAAAAAA="},"list":[1,"é",null,true]}',
  '{"bytes":{"$bytes":"AAEC"},"nan":{"$float":"AAAAAAAA+H8="}}',
];

/** A snapshot, in nanoseconds since 1970. */
const NOW_NS = 1_767_225_600_000_000_000n;

/** The fields of an effect that any app could have raised. A random number makes each one different. */
function plainFields(dice: Dice): Record<string, string> {
  return {
    f: dice.pick(['"lazy:recompute"', '"tracking:viewed"', '"a/b:c"']),
    a: dice.chance(0.7) ? `{"n":${dice.below(1e9)}}` : dice.pick(PLAIN_ARGS),
    w: String(dice.pick([0, 1, 10_000, 31_536_000_000])),
    ...(dice.chance(0.3) ? { k: `"key ${dice.below(1e6)}"` } : {}),
    ...(dice.chance(0.5) ? { s: `"${dice.pick([0n, NOW_NS]) + BigInt(dice.below(100))}"` } : {}),
    ...(dice.chance(0.2) ? { r: "true" } : {}),
  };
}

const toObject = (fields: Record<string, string>) =>
  `{${Object.entries(fields)
    .map(([name, json]) => `"${name}":${json}`)
    .join(",")}}`;

function oddEffect(dice: Dice): string {
  const fields = plainFields(dice);
  const name = dice.pick(["f", "a", "w", "k", "s", "r", "__proto__", "target"]);
  if (dice.chance(0.15)) delete fields[name];
  else fields[name] = oddJson(dice);
  return toObject(fields);
}

/** Effects that any app could have raised; for the transport `client`, their time comes first. */
export function plainPayload(dice: Dice): string {
  const effects = dice.several(1, 3, () => toObject(plainFields(dice)));
  const time = dice.chance(0.4) ? [`{"t":${NOW + dice.below(3 * HOUR) - 2 * HOUR}}`] : [];
  return `[${[...time, ...effects].join(",")}]`;
}

/** A payload that no app would seal. */
export function oddPayload(dice: Dice): string | Uint8Array {
  return dice.weighted<string | Uint8Array>([
    [6, () => `[${oddEffect(dice)}]`],
    [2, () => `[${toObject(plainFields(dice))},${oddEffect(dice)}]`],
    [1, () => `[{"t":${oddJson(dice)}},${toObject(plainFields(dice))}]`],
    [2, () => oddJson(dice)],
    [2, () => `[${oddJson(dice)}]`],
    [1, () => toObject(plainFields(dice))],
    [1, () => plainPayload(dice).slice(0, dice.below(40))],
    [1, () => `\ufeff${plainPayload(dice)}`],
    [1, () => Buffer.from(plainPayload(dice)).fill(dice.pick([0, 0x80, 0xff]), 8, 10)],
  ]);
}
