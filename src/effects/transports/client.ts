import type { GenericValidator, PropertyValidators, Value } from "convex/values";
import { asObjectValidator, ConvexError, v } from "convex/values";
import { MAX_FORWARD_AGE_MS, MINUTE } from "../../times.js";
import { canonicalText, toHex } from "../../values/canonical.js";
import { acceptedEffectSecrets, isSigned, sign, toUtf8 } from "../crypto.js";
import type { Effect } from "../effect.js";
import { sealForSending, unsealAll } from "../seal.js";
import { CLIENT, type Envelope, MARK, MAX_FORWARDED_SEALS, UNSTORABLE } from "./envelope.js";

const MARK_FIELD = /* @__PURE__ */ v.optional(v.string());

type Validators = PropertyValidators | GenericValidator;

/** The parts of a query's definition that must allow marks and envelopes. */
export type Signature = { args?: Validators; returns?: Validators };

/** Lets a query accept marked calls, and return envelopes. @throws Error when it has an argument of that name. */
export function acceptMarks<Definition extends Signature>(definition: Definition): Definition {
  const { args, returns } = definition;
  const accepting = { ...definition };
  const validator = args && asObjectValidator(args);
  // Without a validator, or with `v.any()`, the mark is accepted already.
  if (validator?.kind === "object") {
    const { [MARK]: mark = MARK_FIELD } = validator.fields;
    // When the builder is wrapped twice, the field is our own.
    if (mark !== MARK_FIELD)
      throw new Error(`lazy.query: the argument "${MARK}" belongs to the transport "client"; rename yours.`);
    accepting.args = { ...validator.fields, [MARK]: mark };
  }
  if (returns) {
    const value = asObjectValidator(returns);
    const own = v.any();
    accepting.returns = v.union(value, v.object({ value, seals: own, once: own, forward: own, [MARK]: own }));
  }
  return accepting;
}

/** What the server signs: a mark, with the arguments of its call; and an answer, with the mark of its call. */
const CALLER = "lazy-views:2:caller:";
const ANSWER = "lazy-views:2:answer:";

/** A text that only the server can make: the HMAC of another. Undefined without a secret. */
async function prove(text: string): Promise<string | undefined> {
  const [secret] = acceptedEffectSecrets();
  return secret && toHex(await sign(text, secret));
}

function isProof(proof: string, text: string): Promise<boolean> {
  return isSigned(toUtf8(text), proof, acceptedEffectSecrets());
}

/**
 * The mark with which a function on the server calls a query with these arguments. It is valid for no other arguments,
 * so that a client that sees one cannot use it. Undefined without a secret, or when the arguments are not Convex
 * values.
 */
export async function callerMark(args: object): Promise<string | undefined> {
  try {
    return await prove(CALLER + canonicalText(args));
  } catch {
    return undefined; // The call itself says what is wrong.
  }
}

/**
 * Takes the mark out of a call's arguments. A text that is not a valid mark is taken out, too, and ignored. So is a
 * client's mark in an app without the transport `client`, which a query without validators still gets.
 */
export async function takeMark(isEnabled: boolean, args: unknown): Promise<{ mark?: string; args: unknown }> {
  const { [MARK]: mark, ...rest } = (args ?? {}) as Record<typeof MARK, unknown>;
  if (typeof mark !== "string" || !(isEnabled || mark === CLIENT)) return { args };
  const counts = isEnabled && (mark === CLIENT || (await isProof(mark, CALLER + canonicalText(rest))));
  return { ...(counts && { mark }), args: rest };
}

/** The answer to a marked call. */
export async function toEnvelope(value: unknown, effects: Effect[], forward: string, mark: string): Promise<Envelope> {
  const isClient = mark === CLIENT;
  const others = effects.filter(({ seen }) => seen === undefined);
  return {
    value: (value ?? null) as Value,
    seals: await sealForSending(effects.filter(({ seen }) => seen !== undefined)),
    once: await (isClient ? sealForClient : sealForSending)(others),
    forward,
    [MARK]: isClient ? UNSTORABLE : ((await prove(ANSWER + mark)) as Value),
  };
}

/**
 * Seals effects with the minute in which they were raised. An hour later, all but recomputes are refused. Within the
 * minute their seals stay equal, so that subscribers do not get another answer.
 */
export function sealForClient(effects: readonly Effect[]): Promise<string[]> {
  return sealForSending(effects.map((effect) => ({ ...effect, raisedAt: Math.floor(Date.now() / MINUTE) * MINUTE })));
}

/** Opens the answer to a call with this mark. Null when it is not an envelope of the server, but a value. */
export async function openEnvelope(answer: unknown, mark: string): Promise<{ value: Value; effects: Effect[] } | null> {
  const { [MARK]: proof, value, seals, once } = (answer ?? {}) as Envelope;
  if (typeof proof !== "string" || !(await isProof(proof, ANSWER + mark))) return null;
  const { effects } = await unsealAll([...once, ...seals]);
  return { value, effects };
}

/**
 * The effects that a client forwards, without those that are not sealed by this app. Effects other than recomputes are
 * left out as well if they were raised more than an hour ago, or do not say when (as in log lines).
 *
 * @throws ConvexError, when there are more than 16 seals.
 */
export async function openForwarded(seals: readonly string[]): Promise<{ effects: Effect[] }> {
  if (seals.length > MAX_FORWARDED_SEALS) {
    throw new ConvexError(`forward got ${seals.length} seals; it takes at most ${MAX_FORWARDED_SEALS} in one call.`);
  }
  const { effects } = await unsealAll(seals);
  const oldest = Date.now() - MAX_FORWARD_AGE_MS;
  return { effects: effects.filter(({ seen, raisedAt = 0 }) => seen !== undefined || raisedAt > oldest) };
}

/**
 * A test puts a function here that plays the client, in an app that has only this transport. It gets the seals of a
 * call that is not marked, and the path of the mutation that takes them.
 */
export const LISTENER = Symbol.for("convex-lazy-views.collector");
export const realm = globalThis as { [LISTENER]?: ((seals: readonly string[], forward: string) => void) | undefined };
