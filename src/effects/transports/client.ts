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

/** What of a query's definition has to know of marks and envelopes. */
export type Signature = { args?: Validators; returns?: Validators };

/** A query whose calls may be marked, and may get envelopes. @throws Error when it has an argument of that name. */
export function acceptMarks<Definition extends Signature>(definition: Definition): Definition {
  const { args, returns } = definition;
  const accepting = { ...definition };
  const validator = args && asObjectValidator(args);
  // Else there is none, or it is `v.any()`: the mark passes.
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

/** The server proves a mark, for the arguments of the call; and an answer, for the mark of its call. */
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
 * The mark of a function on the server that runs a query with these arguments. It fits no others, so that a client that
 * sees one cannot use it. Undefined without a secret, or when the arguments are no Convex values.
 */
export async function callerMark(args: object): Promise<string | undefined> {
  try {
    return await prove(CALLER + canonicalText(args));
  } catch {
    return undefined; // The call itself says what is wrong.
  }
}

/**
 * Takes the mark out of a call's arguments. A text that is no mark is taken out, and counts for nothing. So is a
 * client's mark where the app has no transport `client`: a query whose arguments may be anything still gets it.
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
 * Seals effects with the minute in which they were raised: those that are no recomputes are refused an hour later. In
 * the same minute their seals stay the same, so that subscribers do not see another answer.
 */
export function sealForClient(effects: readonly Effect[]): Promise<string[]> {
  return sealForSending(effects.map((effect) => ({ ...effect, raisedAt: Math.floor(Date.now() / MINUTE) * MINUTE })));
}

/** Opens the answer to a call with this mark. Null when it does not prove to be an envelope: then it is the value. */
export async function openEnvelope(answer: unknown, mark: string): Promise<{ value: Value; effects: Effect[] } | null> {
  const { [MARK]: proof, value, seals, once } = (answer ?? {}) as Envelope;
  if (typeof proof !== "string" || !(await isProof(proof, ANSWER + mark))) return null;
  const { effects } = await unsealAll([...once, ...seals]);
  return { value, effects };
}

/**
 * The effects that a client forwards. Left out are seals that this app has not made, and effects other than recomputes
 * that were raised more than an hour ago, or do not say when, as those in log lines. @throws ConvexError for too many.
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
 * Where a test puts a function that plays the client of an app with only this transport: it gets the seals of a call
 * that is not marked, and the path of the mutation that takes them.
 */
export const LISTENER = Symbol.for("convex-lazy-views.collector");
export const realm = globalThis as { [LISTENER]?: ((seals: readonly string[], forward: string) => void) | undefined };
