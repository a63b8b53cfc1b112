import type { GenericValidator, PropertyValidators, Value } from "convex/values";
import { asObjectValidator, ConvexError, v } from "convex/values";
import type { Effect } from "../effect.js";
import { sealForSending, unsealAll } from "../seal.js";
import { allSeals, type Envelope, isEnvelope, MARK, MAX_FORWARDED_SEALS, type Mark } from "./envelope.js";

const MARK_FIELD = /* @__PURE__ */ v.optional(v.union(v.literal("client"), v.literal("caller")));

/** What `args` and `returns` can be: fields, or one validator. */
type Validators = PropertyValidators | GenericValidator;

/** The parts of a query's definition that have to know of marks and envelopes. */
export interface Signature {
  args?: Validators;
  returns?: Validators;
}

/**
 * The definition of a query whose calls may be marked, and that may return envelopes.
 *
 * @throws Error when the query has an argument of the mark's name itself.
 */
export function acceptMarks<Definition extends Signature>(definition: Definition): Definition {
  const { args, returns } = definition;
  return { ...definition, ...(args && { args: withMark(args) }), ...(returns && { returns: orEnvelope(returns) }) };
}

function withMark(args: Validators): Validators {
  const validator = asObjectValidator(args);
  if (validator.kind !== "object") return args; // It is `v.any()`, which lets the mark pass.
  const { fields } = validator;
  if (fields[MARK] === MARK_FIELD) return fields; // The builder was wrapped twice.
  if (MARK in fields) {
    throw new Error(`lazy.query: the argument "${MARK}" belongs to the transport "client"; rename yours.`);
  }
  return { ...fields, [MARK]: MARK_FIELD };
}

function orEnvelope(returns: Validators): GenericValidator {
  const value = asObjectValidator(returns);
  const seals = v.array(v.string());
  return v.union(value, v.object({ value, seals, once: seals, forward: v.string() }));
}

/**
 * Takes the mark out of a call's arguments.
 *
 * @param isEnabled - Whether the app has the transport `client`. Without it, a query whose arguments may be anything
 * gets marked calls all the same; it must not see the mark, and its caller gets no envelope.
 */
export function takeMark(isEnabled: boolean, args: unknown): { mark: Mark | undefined; args: unknown } {
  const { [MARK]: mark, ...rest } = (args ?? {}) as Record<typeof MARK, unknown>;
  if (mark !== "client" && mark !== "caller") return { mark: undefined, args };
  return { mark: isEnabled ? mark : undefined, args: rest };
}

/** Puts a value into an envelope, together with the effects that its query raised. */
export async function toEnvelope(value: unknown, effects: readonly Effect[], forward: string): Promise<Envelope> {
  return {
    value: (value ?? null) as Value,
    seals: await sealForSending(effects.filter(({ seen }) => seen !== undefined)),
    once: await sealForSending(effects.filter(({ seen }) => seen === undefined)),
    forward,
  };
}

/**
 * Opens the envelope that a marked call of one of the app's queries got.
 *
 * @returns Null when it is not an envelope of this app: then the answer is the value itself.
 */
export async function openEnvelope(
  answer: unknown,
  forward: string,
): Promise<{ value: Value; effects: Effect[] } | null> {
  if (!isEnvelope(answer) || answer.forward !== forward) return null;
  const { effects, forged } = await unsealAll(allSeals(answer).seals);
  return forged > 0 ? null : { value: answer.value, effects };
}

/**
 * The effects that a client forwards. Seals that this app has not signed are left out.
 *
 * @throws ConvexError when there are too many; the wrappers of `convex-lazy-views/client` forward them in groups.
 */
export async function openForwarded(seals: readonly string[]): Promise<{ effects: Effect[] }> {
  if (seals.length <= MAX_FORWARDED_SEALS) return await unsealAll(seals);
  throw new ConvexError(
    `forward was called with ${seals.length} seals; it takes at most ${MAX_FORWARDED_SEALS} in one call.`,
  );
}

/**
 * Gets the seals of a call that is not marked, and the path of the mutation that takes them, in an app with only this
 * transport: from a test that plays the client. Without a listener these seals go nowhere.
 */
type Listener = (seals: readonly string[], forward: string) => void;

const LISTENER = Symbol.for("convex-lazy-views.collector");
const realm = globalThis as { [LISTENER]?: Listener | undefined };

export function findListener(): Listener | undefined {
  return realm[LISTENER];
}

/** @returns Puts back what was there before. */
export function leaveListener(listener: Listener): () => void {
  const before = realm[LISTENER];
  realm[LISTENER] = listener;
  return () => {
    realm[LISTENER] = before;
  };
}
