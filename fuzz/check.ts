import { inspect } from "node:util";
import { ConvexError } from "convex/values";
import { isEnvelope } from "../src/client/envelope.js";
import type { DispatchCounts } from "../src/effects/dispatch.js";
import type { Effect } from "../src/effects/effect.js";
import { sealOf, unseal, unsealAll } from "../src/effects/seal.js";
import { openEnvelope, openForwarded } from "../src/effects/transports/client.js";
import { type Envelope, MAX_FORWARDED_SEALS } from "../src/effects/transports/envelope.js";
import { answerLogStream } from "../src/effects/transports/webhook.js";
import type { EnvelopeInput, ForwardInput, Input, RouteInput, SealInput, Secrets } from "./inputs.js";
import {
  accepted,
  effectsOf,
  fullText,
  isEffect,
  isForClient,
  isForwardable,
  isProven,
  isText,
  isWantedNow,
  judgeRequest,
  payloadOf,
  sealIn,
  workText,
} from "./judge.js";

/** The functions under test. A test of the fuzzer passes broken ones instead. */
export const LIBRARY = {
  answerLogStream,
  sealOf,
  unseal,
  unsealAll,
  openForwarded,
  openEnvelope,
  isEnvelope,
};
export type Subjects = typeof LIBRARY;

/**
 * - `crash`: a function threw, or its answer is not the documented one.
 * - `accepted`: an effect was started that no accepted secret had sealed.
 * - `malformed`: something was started that was sealed, but is not an effect.
 * - `lost`: a genuine effect was not started.
 */
export type Kind = "crash" | "accepted" | "malformed" | "lost";

export interface Finding {
  kind: Kind;
  reason: string;
}

/** The result of an input: the number of started effects, and the fault, if there is one. */
export interface Outcome {
  started: number;
  finding: Finding | null;
}

class Wrong extends Error {
  constructor(
    readonly kind: Kind,
    reason: string,
  ) {
    super(reason);
  }
}

/** Gives an input to the functions under test. The environment must have its secrets set. */
export async function check(input: Input, subjects: Subjects): Promise<Outcome> {
  try {
    return { started: await startedBy(input, subjects), finding: null };
  } catch (error) {
    const finding: Finding =
      error instanceof Wrong ? { kind: error.kind, reason: error.message } : { kind: "crash", reason: String(error) };
    return { started: 0, finding };
  }
}

/** @returns How many effects were started. */
async function startedBy(input: Input, subjects: Subjects): Promise<number> {
  switch (input.subject) {
    case "route":
      return await checkRoute(input, subjects, input.secrets);
    case "seal":
      return await checkSeal(input, subjects, input.secrets);
    case "forward":
      return await checkForward(input, subjects, input.secrets);
    case "envelope":
      return await checkEnvelope(input, subjects, input.secrets);
  }
}

const oneLine = (value: unknown) => inspect(value, { breakLength: Infinity });

const URL = "https://example.convex.site/lazy-views/effects";

async function checkRoute(input: RouteInput, subjects: Subjects, secrets: Secrets) {
  const started: Effect[] = [];
  const { body, headers, dispatchFails } = input;
  const request = new Request(URL, { method: "POST", body: new Uint8Array(body), headers });
  const notes: string[] = [];
  const response: unknown = await subjects.answerLogStream(
    request,
    async (effects, areOld) => {
      const wanted = areOld ? effects.filter(isWantedNow) : effects;
      started.push(...wanted);
      if (dispatchFails) throw new Error("The mutation behind the route throws.");
      return dispatchedAll(wanted);
    },
    async (topics) => void notes.push(topics),
  );
  const { isFromStream, status, asked } = judgeRequest(input, secrets);
  checkStarted(started, asked);
  for (const topics of notes) {
    if (!isFromStream) throw new Wrong("accepted", `Topics were noted: ${oneLine(topics)}`);
    if (!isText(topics)) throw new Wrong("malformed", `The noted topics are not a text: ${oneLine(topics)}`);
  }
  if (!(response instanceof Response)) throw new Wrong("crash", "The answer is no Response.");
  const text = await response.text();
  if (response.status !== status) {
    throw new Wrong("crash", `The answer is ${response.status} ${text}, not a ${status}.`);
  }
  const answer: unknown = JSON.parse(text);
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    throw new Wrong("crash", `The answer's body is ${text}, not a JSON object.`);
  }
  // When the mutation fails, the answer makes the stream send the whole body again.
  if (!dispatchFails) checkNothingLost(started, asked);
  return started.length;
}

const dispatchedAll = (effects: Effect[]): DispatchCounts => ({
  dispatched: effects.length,
  trailing: 0,
  duplicates: 0,
  superseded: 0,
  refused: 0,
});

async function checkSeal({ text }: SealInput, subjects: Subjects, secrets: Secrets) {
  const found = subjects.sealOf(text);
  if (found !== sealIn(text)) throw new Wrong("crash", `sealOf found ${found}, not ${sealIn(text)}.`);
  let started = 0;
  for (const line of new Set([text, found ?? text])) {
    const effects = await subjects.unseal(line, accepted(secrets));
    if (effects !== null && payloadOf(line, accepted(secrets)) === null) {
      throw new Wrong("accepted", "unseal opened a seal that no secret made.");
    }
    if (effects === null && isGenuine(line, secrets)) throw new Wrong("lost", "unseal refused a genuine seal.");
    checkForm(effects ?? []);
    started += effects?.length ?? 0;
  }
  const { effects } = await subjects.unsealAll([text]);
  if (effects.length > 0 && !isGenuine(text, secrets)) {
    throw new Wrong("accepted", "unsealAll opened a text that is not a seal of this app.");
  }
  return started;
}

async function checkForward({ seals }: ForwardInput, subjects: Subjects, secrets: Secrets) {
  try {
    const { effects } = await subjects.openForwarded(seals);
    if (seals.length > MAX_FORWARDED_SEALS) throw new Wrong("accepted", "openForwarded accepted too many seals.");
    const asked = effectsOfAll(seals, secrets).filter(isForwardable);
    checkStarted(effects, asked);
    checkNothingLost(effects, asked);
    return effects.length;
  } catch (error) {
    if (error instanceof ConvexError && seals.length > MAX_FORWARDED_SEALS) return 0;
    throw error;
  }
}

async function checkEnvelope({ answer, mark }: EnvelopeInput, subjects: Subjects, secrets: Secrets) {
  if (subjects.isEnvelope(answer) !== isForClient(answer)) {
    throw new Wrong("accepted", "isEnvelope takes a value for an envelope, or an envelope for a value.");
  }
  const opened = await subjects.openEnvelope(answer, mark);
  const isOurs = isProven(answer, mark, accepted(secrets));
  if (opened === null) {
    if (isOurs) throw new Wrong("lost", "openEnvelope refused a genuine envelope.");
    return 0;
  }
  if (!isOurs) throw new Wrong("accepted", "openEnvelope opened a value that does not answer this call.");
  const { once, seals } = answer as Envelope;
  const asked = effectsOfAll([...once, ...seals], secrets);
  checkStarted(opened.effects, asked);
  checkNothingLost(opened.effects, asked);
  return opened.effects.length;
}

/** Whether an app with these secrets could have sealed this text: all its items are effects. */
function isGenuine(text: string, secrets: Secrets): boolean {
  return effectsOf(text, accepted(secrets)) !== null;
}

function effectsOfAll(seals: readonly string[], secrets: Secrets): Effect[] {
  return seals.flatMap((seal) => effectsOf(seal, accepted(secrets)) ?? []);
}

/** Checks that everything started is an effect. */
function checkForm(started: readonly Effect[]): void {
  for (const effect of started) {
    if (!isEffect(effect)) {
      throw new Wrong("malformed", `It started something that is not an effect: ${oneLine(effect)}`);
    }
  }
}

/** Checks that only these effects are started. */
function checkStarted(started: readonly Effect[], asked: readonly Effect[]): void {
  checkForm(started);
  const texts = new Set(asked.map(fullText));
  const stranger = started.find((effect) => !texts.has(fullText(effect)));
  if (stranger !== undefined) {
    throw new Wrong("accepted", `It started an effect that no genuine seal carries: ${oneLine(stranger)}`);
  }
}

/** Checks that the work of each of these effects is started at least once. */
function checkNothingLost(started: readonly Effect[], asked: readonly Effect[]): void {
  const done = new Set(started.map(workText));
  const missing = asked.find((effect) => !done.has(workText(effect)));
  if (missing !== undefined) throw new Wrong("lost", `It did not start a genuine effect: ${oneLine(missing)}`);
}
