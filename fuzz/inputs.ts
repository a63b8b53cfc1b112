import { Dice } from "./dice.js";
import { anySeal, genuineSeal, mutateBytes, mutateText, repeated } from "./mutations.js";
import { oddJson } from "./payloads.js";
import {
  EFFECT_SECRET,
  FORGERS_SECRET,
  PREFIX,
  PREVIOUS_SECRET,
  PREVIOUS_STREAM_SECRET,
  proof,
  SHORT_SECRET,
  STREAM_SECRET,
  streamSignature,
} from "./signing.js";
import { NOW } from "./surroundings.js";

/** The secrets of a deployment. An empty text means that the secret is not set. */
export interface Secrets {
  effect: string;
  previous: string;
  stream: string;
  previousStream: string;
}

/** An input, with the part of the code that it is for. */
export type Input = { secrets: Secrets } & (RouteInput | SealInput | ForwardInput | EnvelopeInput);

/** One request of the log stream. */
export interface RouteInput {
  subject: "route";
  body: Buffer;
  headers: [name: string, value: string][];
  /** Whether the mutation behind the route throws. */
  dispatchFails: boolean;
}

/** A text that may contain seals. */
export interface SealInput {
  subject: "seal";
  text: string;
}

/** The seals that a client forwards. */
export interface ForwardInput {
  subject: "forward";
  seals: string[];
}

/** An answer of a marked query. */
export interface EnvelopeInput {
  subject: "envelope";
  /** The mark of the call. */
  mark: string;
  answer: unknown;
}

/** The mutation that genuine envelopes name. */
export const FORWARD = "lazy:forward";

const SECRETS: Secrets = { effect: EFFECT_SECRET, previous: "", stream: STREAM_SECRET, previousStream: "" };
const IN_ROTATION: Secrets = { ...SECRETS, previous: PREVIOUS_SECRET, previousStream: PREVIOUS_STREAM_SECRET };
const INCOMPLETE: Secrets[] = [
  { ...IN_ROTATION, stream: "" },
  { ...IN_ROTATION, effect: "" },
  { ...IN_ROTATION, effect: SHORT_SECRET },
  { effect: "", previous: "", stream: "", previousStream: "" },
  // A rotation of the stream's secret has begun.
  { ...IN_ROTATION, previousStream: STREAM_SECRET },
];

export function inputOf(seed: number): Input {
  const dice = new Dice(seed);
  const secrets = dice.weighted<Secrets>([
    [60, () => SECRETS],
    [30, () => IN_ROTATION],
    [10, () => dice.pick(INCOMPLETE)],
  ]);
  const part = dice.weighted<RouteInput | SealInput | ForwardInput | EnvelopeInput>([
    [2.5, () => routeInput(dice)],
    [9, () => ({ subject: "seal", text: message(dice) })],
    [2, () => ({ subject: "forward", seals: dice.several(0, 4, () => anySeal(dice)) })],
    [0.3, () => ({ subject: "forward", seals: repeated(dice, anySeal(dice)) })],
    // The most seals that one call accepts, and one more.
    [0.02, () => ({ subject: "forward", seals: dice.several(16, 17, () => anySeal(dice)) })],
    [5, () => ({ subject: "envelope", mark: dice.pick(MARKS), answer: answer(dice) })],
  ]);
  return { secrets, ...part };
}

/** The text of a console line. */
function message(dice: Dice): string {
  const seal = () => anySeal(dice);
  return dice.weighted<string>([
    [4, () => `'${genuineSeal(dice)}'`],
    [4, seal],
    [3, () => `'${seal()}'`],
    [1, () => `'[request ${dice.below(9)}]' ${seal()} { a: ${seal()} }`],
    [1, () => dice.several(2, 3, seal).join(dice.pick([" ", "", "\n", "'", "."]))],
    [1, () => mutateText(dice, `'${seal()}'`, seal())],
    [1, () => dice.pick(["", "'hello'", PREFIX, PREFIX.repeat(2_000)])],
    [0.01, () => PREFIX + "A".repeat(dice.pick([3_975, 3_976, 3_977, 3_980, 32_000, 200_000]))],
  ]);
}

function routeInput(dice: Dice): RouteInput {
  const plain = Buffer.from(bodyText(dice));
  const body = dice.chance(0.3) ? mutateBytes(dice, plain) : plain;
  return {
    subject: "route",
    body,
    headers: headers(dice, plain, body),
    dispatchFails: dice.chance(0.02),
  };
}

function bodyText(dice: Dice): string {
  const isOld = dice.chance(0.3);
  const events = (max: number) => dice.several(1, max, () => eventJson(dice, isOld));
  return dice.weighted<string>([
    [6, () => `[${events(3).join(",")}]`],
    [3, () => events(3).join(dice.pick(["\n", "\n", "\r\n"]))],
    [1, () => `[${[...events(2), oddJson(dice)].join(",")}]`],
    [1, () => [...events(2), oddJson(dice)].join("\n")],
    [1, () => oddJson(dice)],
    [1, () => dice.pick(["", " ", "[]", "[\n]", "\n\n", "\ufeff[]", "hello", "[[]]", "{}"])],
    [1, () => verification(dice)],
    [0.01, () => `[${dice.several(150, 400, () => eventJson(dice)).join(",")}]`],
    [0.01, () => `[${JSON.stringify({ topic: "console", message: "x".repeat(1_000_000) })}]`],
  ]);
}

const MINUTE_MS = 60_000;
/** Ages at and just beyond the limits, for events that are too old and that lie too far ahead. */
const AGES_MS = [15 * MINUTE_MS, 15 * MINUTE_MS + 1, -5 * MINUTE_MS, -5 * MINUTE_MS - 1, NOW, -NOW];
const TOPICS = ["function_execution", "verification", "Console", "", "__proto__", `x${"😀".repeat(30)}`];

/** One event as JSON: mostly a console event, sometimes with a field that is odd or missing. */
function eventJson(dice: Dice, isOld = false): string {
  const cached = dice.pick(["false", isOld ? "true" : "false", "true", '"true"']);
  const usual = isOld ? 15 * MINUTE_MS + 1 + dice.below(MINUTE_MS) : dice.below(MINUTE_MS);
  const age = dice.chance(0.9) ? usual : dice.pick(AGES_MS);
  const fields: Record<string, string> = {
    topic: JSON.stringify(dice.chance(0.9) ? "console" : dice.pick(TOPICS)),
    timestamp: String(NOW - age),
    function: `{"type":"query","path":"run:query","cached":${cached},"request_id":"r"}`,
    log_level: '"DEBUG"',
    message: JSON.stringify(message(dice)),
    is_truncated: "false",
  };
  const name = dice.pick(["topic", "timestamp", "function", "message", "__proto__", "toString"]);
  if (dice.chance(0.08)) fields[name] = oddJson(dice);
  else if (dice.chance(0.04)) delete fields[name];
  return `{${Object.entries(fields).map(([field, json]) => `"${field}":${json}`)}}`;
}

/** The probe of a new stream, alone or together with other events. */
function verification(dice: Dice): string {
  const probe = `{"topic":"verification","timestamp":${NOW},"message":${JSON.stringify(message(dice))}}`;
  return dice.pick([`[${probe}]`, probe, `[${probe},${probe}]`, `[${probe},${eventJson(dice)}]`]);
}

/** Headers of a request: mostly the right ones for its body. */
function headers(dice: Dice, plain: Buffer, body: Buffer): RouteInput["headers"] {
  const name = dice.chance(0.9) ? "x-webhook-signature" : "X-Webhook-Signature";
  const right = streamSignature(body);
  const values = dice.weighted<string[]>([
    [30, () => [right]],
    [2, () => []],
    [2, () => [streamSignature(plain)]],
    [2, () => [streamSignature(body, dice.pick([FORGERS_SECRET, EFFECT_SECRET, PREVIOUS_STREAM_SECRET]))]],
    [1, () => [right.toUpperCase()]],
    [1, () => [right.replace("sha256=", dice.pick(["", "sha1=", "sha256:", "sha256= ", "md5="]))]],
    [1, () => [` ${right}\t`]],
    [1, () => [right.slice(0, -1 - dice.below(64))]],
    [1, () => [right + dice.pick(["0", ",", right, " 0", "=="])]],
    [1, () => [right, dice.chance(0.5) ? right : streamSignature(plain, FORGERS_SECRET)]],
    [1, () => [`sha256=${Buffer.from(right.slice(7), "hex").toString("base64")}`]],
    [1, () => [`sha256=${dice.pick(["0", "z", "\u00e9"]).repeat(64)}`]],
  ]);
  return values.map((value) => [name, value]);
}

/** The mark of a call, and another one. */
const MARKS = ["ab".repeat(32), "cd".repeat(32)];

/** An envelope for a client or for a function of the library, or a value that looks like one. */
function answer(dice: Dice): unknown {
  const mark = dice.pick(MARKS);
  const envelope: Record<string, unknown> = {
    value: JSON.parse(oddJson(dice)),
    seals: dice.several(0, 3, () => anySeal(dice)),
    once: dice.several(0, 3, () => anySeal(dice)),
    forward: FORWARD,
    lazyViews: dice.weighted<unknown>([
      [3, () => nested(16)],
      [1, () => nested(dice.pick([1, 15, 17, 60]))],
      [3, () => proof(mark)],
      [1, () => proof(mark, dice.pick([PREVIOUS_SECRET, FORGERS_SECRET, SHORT_SECRET]))],
      [1, () => mutateText(dice, proof(mark), mark)],
      [1, () => dice.pick([mark, "client", "", "0".repeat(64)])],
      [1, () => JSON.parse(oddJson(dice))],
    ]),
  };
  const name = dice.pick(["value", "seals", "once", "forward", "lazyViews", "more"]);
  return dice.weighted<unknown>([
    [5, () => envelope],
    [1, () => ({ ...envelope, lazyViews: nested(16), [name]: JSON.parse(oddJson(dice)) })],
    [1, () => ({ ...envelope, lazyViews: nested(16), [name]: undefined })],
    [1, () => JSON.parse(oddJson(dice))],
    [1, () => [envelope]],
  ]);
}

function nested(levels: number): unknown {
  return JSON.parse("[".repeat(levels) + "]".repeat(levels));
}
