import type { Dice } from "./dice.js";
import { oddJson, oddPayload, plainPayload } from "./payloads.js";
import {
  EFFECT_SECRET,
  FORGERS_SECRET,
  hmac,
  PREFIX,
  PREVIOUS_SECRET,
  SHORT_SECRET,
  SIGNATURE_LENGTH,
  STREAM_SECRET,
  sealed,
  signed,
} from "./signing.js";

const OTHER_PREFIXES = [
  ...["lazy-views:2:", "lazy-views:0:", "lazy-views:01:", "lazy-views:1", "lazy-views::", "1:"],
  ...["LAZY-VIEWS:1:", "lazy_views:1:", " lazy-views:1:", "lazy-views:1:lazy-views:1:", "", "\u0000"],
];
const ODD_PIECES = [
  ...["", "=", "==", "%", "+", "/", ".", ":", "'", '"', "\\", "\\u0000", "\n", "\r\n", " ", "\u0000"],
  ...["é", "\ud83d", "\ufeff", "\u2028", "null", "[]", "{}", "A", "-", "_", PREFIX],
];

/** A seal that an app of these secrets could have made. */
export function genuineSeal(dice: Dice): string {
  return sealed(plainPayload(dice), dice.chance(0.8) ? EFFECT_SECRET : PREVIOUS_SECRET);
}

/** A genuine seal, or one of the ways to break or forge one. */
export function anySeal(dice: Dice): string {
  const seal = () => genuineSeal(dice);
  return dice.weighted<string>([
    [6, seal],
    [5, () => sealed(oddPayload(dice))],
    [6, () => mutateText(dice, seal(), seal())],
    [3, () => splice(dice, seal(), seal())],
    [2, () => otherSignature(dice, seal(), seal())],
    [2, () => otherEncoding(dice, seal())],
    [2, () => otherPrefix(dice, seal())],
    [2, () => sealed(plainPayload(dice), dice.pick([FORGERS_SECRET, STREAM_SECRET, SHORT_SECRET]))],
    [2, () => nested(dice, seal())],
    [1, () => dice.several(2, 4, seal).join(dice.pick(ODD_PIECES))],
    [1, () => repeated(dice, seal()).join(dice.pick(ODD_PIECES))],
    [1, () => PREFIX + oddJson(dice)],
  ]);
}

const parts = (seal: string) => ({
  payload: seal.slice(PREFIX.length, -SIGNATURE_LENGTH - 1),
  signature: seal.slice(-SIGNATURE_LENGTH),
});

/** The payload of one seal under a signature that is not its own. */
function otherSignature(dice: Dice, seal: string, other: string): string {
  const { payload, signature } = parts(seal);
  const text = PREFIX + payload;
  return dice.weighted<string>([
    [2, () => `${text}.${parts(other).signature}`],
    [1, () => `${text}.${"A".repeat(SIGNATURE_LENGTH)}`],
    [1, () => `${text}.${signature.slice(1)}`],
    [1, () => `${text}.${signature}A`],
    [1, () => `${text}.${[...signature].reverse().join("")}`],
    [1, () => `${text}.${signature.toLowerCase()}`],
    // Signed is the text with its prefix: a signature of the payload alone is another's.
    [1, () => `${text}.${hmac(payload, EFFECT_SECRET).toString("base64url")}`],
    [1, () => text],
  ]);
}

/** The same bytes in other letters: base64 with its own alphabet, with padding, hex. */
function otherEncoding(dice: Dice, seal: string): string {
  const { payload, signature } = parts(seal);
  const standard = (text: string) => Buffer.from(text, "base64url").toString("base64");
  return dice.weighted<string>([
    [1, () => `${PREFIX}${standard(payload)}.${signature}`],
    [1, () => `${PREFIX}${payload}.${standard(signature)}`],
    [1, () => `${PREFIX}${payload}.${standard(signature).slice(0, -1)}`],
    [1, () => `${PREFIX}${payload}=.${signature}`],
    [1, () => `${PREFIX}${payload}.${Buffer.from(signature, "base64url").toString("hex")}`],
    [1, () => encodeURIComponent(seal)],
    // The last letter carries two bits that mean nothing.
    [1, () => seal.slice(0, -1) + dice.pick([..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789-_"])],
  ]);
}

/** Another prefix or version: with the old signature, or signed anew. */
function otherPrefix(dice: Dice, seal: string): string {
  const { payload, signature } = parts(seal);
  const text = dice.pick(OTHER_PREFIXES) + payload;
  return dice.chance(0.5) ? `${text}.${signature}` : signed(text);
}

/** A seal inside a seal, or after its own beginning. */
function nested(dice: Dice, seal: string): string {
  return dice.weighted<string>([
    [1, () => sealed(JSON.stringify([seal]))],
    [1, () => sealed(seal)],
    [1, () => signed(seal)],
    [1, () => `${seal}.${parts(seal).signature}`],
    [1, () => PREFIX + seal],
    [1, () => seal.slice(0, dice.below(seal.length)) + seal],
  ]);
}

/** The same text two to four times. */
export function repeated(dice: Dice, text: string): string[] {
  return new Array(2 + dice.below(3)).fill(text);
}

/** The beginning of one text and the end of another. */
function splice(dice: Dice, text: string, other: string): string {
  return text.slice(0, dice.below(text.length + 1)) + other.slice(dice.below(other.length + 1));
}

/** A text after one to three small accidents. */
export function mutateText(dice: Dice, text: string, other: string): string {
  let result = text;
  for (const at of dice.several(1, 3, () => dice.below(result.length + 1))) {
    const before = result.slice(0, at);
    const after = result.slice(at);
    result = dice.weighted<string>([
      [3, () => before + flipLetter(dice, after)],
      [2, () => before + after.slice(1 + dice.below(8))],
      [2, () => before + dice.pick(ODD_PIECES) + after],
      [1, () => before],
      [1, () => after],
      [1, () => before + after.slice(0, 20) + after],
      [1, () => before + other.slice(at)],
      [1, () => before + after.toUpperCase()],
    ]);
  }
  return result;
}

function flipLetter(dice: Dice, text: string): string {
  return String.fromCharCode(text.charCodeAt(0) ^ (1 << dice.below(7))) + text.slice(1);
}

const ODD_BYTES = [[0], [0xff], [0xfe, 0xff], [0xef, 0xbb, 0xbf], [0xc0, 0x80], [0xed, 0xa0, 0x80], [10]];

/** A body after one to three small accidents of its bytes. */
export function mutateBytes(dice: Dice, bytes: Buffer): Buffer {
  let result = bytes;
  for (const at of dice.several(1, 3, () => dice.below(result.length + 1))) {
    const before = result.subarray(0, at);
    const after = result.subarray(at);
    const joined = (...pieces: Uint8Array[]) => Buffer.concat(pieces);
    result = dice.weighted<Buffer>([
      [3, () => joined(before, flipBit(dice, after))],
      [2, () => joined(before, Buffer.from(dice.pick(ODD_BYTES)), after)],
      [1, () => joined(before, after.subarray(1 + dice.below(8)))],
      [1, () => before],
      [1, () => after],
      [1, () => joined(before, after.subarray(0, 30), after)],
      [1, () => joined(Buffer.from(dice.pick(ODD_BYTES)), result)],
      [1, () => Buffer.from(result.toString("utf8"), "utf16le")],
    ]);
  }
  return result;
}

function flipBit(dice: Dice, bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  if (flipped.length > 0) flipped[0] = (flipped[0] as number) ^ (1 << dice.below(8));
  return flipped;
}
