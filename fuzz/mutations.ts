import { sealedText, vectorOf } from "../tests/nodeSeals.js";
import type { Dice } from "./dice.js";
import { oddJson, oddPayload, plainPayload } from "./payloads.js";
import {
  EFFECT_SECRET,
  FORGERS_SECRET,
  hmac,
  PREFIX,
  PREVIOUS_SECRET,
  SHORT_SECRET,
  STREAM_SECRET,
  sealed,
} from "./signing.js";

const OTHER_PREFIXES = [
  ...["lazy-views:1:", "lazy-views:3:", "lazy-views:02:", "lazy-views:2", "lazy-views::", "2:"],
  ...["LAZY-VIEWS:2:", "lazy_views:2:", " lazy-views:2:", "lazy-views:2:lazy-views:2:", "", "\u0000"],
];
const ODD_PIECES = [
  ...["", "=", "==", "%", "+", "/", ".", ":", "'", '"', "\\", "\\u0000", "\n", "\r\n", " ", "\u0000"],
  ...["é", "\ud83d", "\ufeff", "\u2028", "null", "[]", "{}", "A", "-", "_", PREFIX],
];

/** A seal that the app could have made. */
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
    [2, () => otherParts(dice, seal(), seal())],
    [1, () => otherKeys(dice)],
    [2, () => otherEncoding(dice, seal())],
    [2, () => otherPrefix(dice, seal())],
    [2, () => sealed(plainPayload(dice), dice.pick([FORGERS_SECRET, STREAM_SECRET, SHORT_SECRET]))],
    [2, () => nested(dice, seal())],
    [1, () => dice.several(2, 4, seal).join(dice.pick(ODD_PIECES))],
    [1, () => repeated(dice, seal()).join(dice.pick(ODD_PIECES))],
    [1, () => PREFIX + oddJson(dice)],
  ]);
}

const lettersOf = (seal: string) => seal.slice(PREFIX.length);

/** Wrong combinations of the initialization vectors, ciphertexts and tags of two seals. */
function otherParts(dice: Dice, seal: string, other: string): string {
  const split = (text: string) => {
    const bytes = Buffer.from(lettersOf(text), "base64url");
    return { iv: bytes.subarray(0, 12), encrypted: bytes.subarray(12, -16), tag: bytes.subarray(-16) };
  };
  const [own, strange] = [split(seal), split(other)];
  const join = (...pieces: Uint8Array[]) => PREFIX + Buffer.concat(pieces).toString("base64url");
  return dice.weighted<string>([
    [2, () => join(own.iv, own.encrypted, strange.tag)],
    [2, () => join(strange.iv, own.encrypted, own.tag)],
    [2, () => join(own.iv, strange.encrypted, own.tag)],
    [1, () => join(own.encrypted, own.tag)],
    [1, () => join(own.iv, own.encrypted)],
    [1, () => join(own.iv, own.encrypted, own.tag, Buffer.alloc(1 + dice.below(16)))],
    [1, () => join(own.iv, own.encrypted, own.tag.subarray(0, dice.below(16)))],
    [1, () => join(own.iv, own.tag, own.encrypted)],
    [1, () => join(own.iv, flipBit(dice, own.encrypted), own.tag)],
    [1, () => join(Buffer.alloc(12), own.encrypted, own.tag)],
    [1, () => join(own.iv, own.tag)],
  ]);
}

/** A well-formed seal with another key or vector than the app's own. */
function otherKeys(dice: Dice): string {
  const json = plainPayload(dice);
  const iv = vectorOf(json, EFFECT_SECRET);
  return dice.weighted<string>([
    // The app does not encrypt with the secret itself, nor with a key of another name.
    [1, () => sealedText(json, FORGERS_SECRET, { iv, key: Buffer.from(EFFECT_SECRET, "hex") })],
    [1, () => sealedText(json, FORGERS_SECRET, { iv, key: hmac("lazy-views:1:key", EFFECT_SECRET) })],
    [1, () => sealedText(json, FORGERS_SECRET, { iv, key: Buffer.alloc(32) })],
    [1, () => sealedText(json, FORGERS_SECRET, { iv })],
    // The format of release 0.2, which only signed.
    [1, () => signedAsBefore(json)],
    [1, () => PREFIX + Buffer.from(json).toString("base64url")],
  ]);
}

function signedAsBefore(json: string): string {
  const text = `lazy-views:1:${Buffer.from(json).toString("base64url")}`;
  return `${text}.${hmac(text, EFFECT_SECRET).toString("base64url")}`;
}

/** The same bytes in other encodings: base64 with its own alphabet, with padding, hex. */
function otherEncoding(dice: Dice, seal: string): string {
  const letters = lettersOf(seal);
  const bytes = Buffer.from(letters, "base64url");
  return dice.weighted<string>([
    [1, () => PREFIX + bytes.toString("base64")],
    [1, () => `${seal}=`],
    [1, () => PREFIX + bytes.toString("hex")],
    [1, () => encodeURIComponent(seal)],
    [1, () => seal + dice.pick(["A", "AA", "AAA", "AAAA"])],
    // Some bits of the last letter may be unused.
    [1, () => seal.slice(0, -1) + dice.pick([..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789-_"])],
  ]);
}

/** Another prefix or version. */
function otherPrefix(dice: Dice, seal: string): string {
  return dice.pick(OTHER_PREFIXES) + lettersOf(seal);
}

/** A seal inside a seal, or after its own beginning. */
function nested(dice: Dice, seal: string): string {
  return dice.weighted<string>([
    [1, () => sealed(JSON.stringify([seal]))],
    [1, () => sealed(seal)],
    [1, () => PREFIX + seal],
    [1, () => seal + lettersOf(seal)],
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

/** A text with one to three small mutations. */
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

/** A body with one to three small mutations of its bytes. */
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
