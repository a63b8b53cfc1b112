import { ConvexError, type GenericValidator, type PropertyValidators, type Value, v } from "convex/values";
import { collapse, type Effect } from "../effect.js";
import { allSeals, type Envelope, isEnvelope, MARK, MAX_FORWARDED_SEALS, type Mark } from "./envelope.js";
import { sealForSending, unsealAll } from "./sealing.js";

const MARK_FIELD = /* @__PURE__ */ v.optional(v.union(v.literal("client"), v.literal("caller")));

/** What `args` and `returns` can be: fields, or one validator. */
type Validators = PropertyValidators | OneValidator;
type OneValidator = GenericValidator & ({ kind: "object"; fields: PropertyValidators } | { kind: "any" });

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
  return {
    ...definition,
    ...(args === undefined ? {} : { args: withMark(args) }),
    ...(returns === undefined ? {} : { returns: orEnvelope(returns) }),
  };
}

function withMark(args: Validators): Validators {
  if (!isValidator(args)) return withMarkField(args);
  // Convex takes an object or `v.any()`, which lets the mark pass.
  return args.kind === "object" ? v.object(withMarkField(args.fields)) : args;
}

function withMarkField(fields: PropertyValidators): PropertyValidators {
  if (fields[MARK] === MARK_FIELD) return fields; // The builder was wrapped twice.
  if (MARK in fields) {
    throw new Error(`lazy.query: the argument "${MARK}" belongs to the transport "client"; give yours another name.`);
  }
  return { ...fields, [MARK]: MARK_FIELD };
}

function orEnvelope(returns: Validators): GenericValidator {
  const value = isValidator(returns) ? returns : v.object(returns);
  const seals = v.array(v.string());
  return v.union(value, v.object({ value, seals, once: seals, forward: v.string() }));
}

function isValidator(validators: Validators): validators is OneValidator {
  return validators.isConvexValidator === true;
}

/**
 * Takes the mark out of a call's arguments.
 *
 * @param isEnabled - Whether the app has the transport `client`. Without it, a query whose arguments may be anything
 * gets marked calls all the same; it must not see the mark, and its caller gets no envelope.
 */
export function takeMark(isEnabled: boolean, args: unknown): { mark: Mark | undefined; args: unknown } {
  if (typeof args !== "object" || args === null || !(MARK in args)) {
    return { mark: undefined, args };
  }
  const { [MARK]: mark, ...rest } = args;
  if (mark !== "client" && mark !== "caller") return { mark: undefined, args };
  return { mark: isEnabled ? mark : undefined, args: rest };
}

/** Puts a value into an envelope, together with the effects that its query raised. */
export async function toEnvelope(value: unknown, effects: readonly Effect[], forward: string): Promise<Envelope> {
  const recomputes = effects.filter(({ seen }) => seen !== undefined);
  const others = effects.filter(({ seen }) => seen === undefined);
  return {
    value: (value ?? null) as Value,
    seals: await sealForSending(recomputes),
    once: await sealForSending(others),
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
 * The effects that a client forwards. Seals that this app has not signed are passed over.
 *
 * @throws ConvexError when there are too many; the wrappers of `convex-lazy-views/client` forward them in groups.
 */
export async function openForwarded(seals: readonly string[]): Promise<{ effects: Effect[] }> {
  if (seals.length > MAX_FORWARDED_SEALS) {
    throw new ConvexError(
      `forward was called with ${seals.length} seals; it takes at most ${MAX_FORWARDED_SEALS} in one call.`,
    );
  }
  const { effects } = await unsealAll([...new Set(seals)]);
  return { effects: collapse(effects) };
}
