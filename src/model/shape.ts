import type { GenericValidator, ObjectType, PropertyValidators, Validator, VObject } from "convex/values";
import { asObjectValidator } from "convex/values";
import { isPlainObject } from "../values/copy.js";
import { describe } from "../values/describe.js";

/** What the library needs of a zod schema (or of any other that follows Standard Schema). */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>;
    readonly types?: { readonly output: Output } | undefined;
  };
}

interface StandardResult {
  readonly value?: unknown;
  readonly issues?: readonly { readonly message: string; readonly path?: StandardPath | undefined }[] | undefined;
}

type StandardPath = readonly (PropertyKey | { readonly key: PropertyKey })[];

/** The shape of a key or a value: fields of Convex validators, one Convex validator, or a zod object. */
export type Shape = PropertyValidators | GenericValidator | StandardSchema;

/** The TypeScript type of what a shape accepts. */
export type ShapeType<S> =
  S extends StandardSchema<infer Output>
    ? Output
    : S extends Validator<infer Type, "required", string>
      ? Type
      : S extends PropertyValidators
        ? ObjectType<S>
        : never;

/** The index paths below a field of this shape; any path for a zod object. */
export type ShapePaths<S> = S extends StandardSchema
  ? string
  : S extends Validator<unknown, "required", infer Paths>
    ? Paths
    : S extends PropertyValidators
      ? VObject<ObjectType<S>, S>["fieldPaths"]
      : never;

/** Checks a value against a shape and returns it, as the schema parsed it. */
export type Check = (value: unknown) => unknown;

/** A check that throws an Error naming the field, what was expected and what it got; after `what` is checked. */
export function toCheck(shape: Shape, what: string): Check {
  if ("~standard" in shape) return (value) => checkStandard(shape as StandardSchema, value, what);
  const validator = asObjectValidator(shape) as AnyValidator;
  return (value) => {
    const misfit = misfitOf(validator, value);
    if (misfit) throw wrongAt(what, misfit.path, `expected ${misfit.expected}`, value);
    return value;
  };
}

function checkStandard(schema: StandardSchema, value: unknown, what: string): unknown {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) throw new Error(`${what}: its schema must be synchronous.`);
  const issue = result.issues?.[0];
  if (issue === undefined) return result.value;
  const path = issue.path?.map((part) => String(typeof part === "object" ? part.key : part)) ?? [];
  throw wrongAt(what, path, issue.message, value);
}

/** The error for a value that has the wrong thing at a path. */
function wrongAt(what: string, path: string[], expectation: string, value: unknown): Error {
  const read = (from: unknown, part: string) => Object.getOwnPropertyDescriptor(Object(from), part)?.value;
  return new Error(`${[what, ...path].join(".")}: ${expectation}, got ${describe(path.reduce(read, value))}.`);
}

type AnyValidator = Validator<unknown, "required" | "optional", string>;
/** Where a value does not fit its validator, and what fits there. */
type Misfit = { path: string[]; expected: string };

/** What `typeof` says of the values of a validator, by its kind. */
const TYPES: Record<string, string> = { float64: "number", int64: "bigint", boolean: "boolean", string: "string" };

/** Undefined when the value fits. */
function misfitOf(validator: AnyValidator, value: unknown): Misfit | undefined {
  const { kind } = validator;
  const type = TYPES[kind];
  const unless = (fits: boolean, expected = type ?? kind) => (fits ? undefined : { path: [], expected });
  if (value === undefined) return unless(validator.isOptional === "optional");
  if (type !== undefined) return unless(typeof value === type);
  switch (kind) {
    case "null":
      return unless(value === null);
    case "id":
      return unless(typeof value === "string");
    case "bytes":
      return unless(value instanceof ArrayBuffer);
    case "literal":
      return unless(value === validator.value, String(validator.value));
    case "array":
      if (!Array.isArray(value)) return unless(false);
      return firstIn(value.entries(), (_, item) => misfitOf(validator.element, item));
    case "record":
      if (!isPlainObject(value)) return unless(false);
      return firstIn(Object.entries(value), (name, field) => {
        if (field !== undefined) return misfitOf(validator.key, name) ?? misfitOf(validator.value, field);
      });
    case "object": {
      if (!isPlainObject(value)) return unless(false);
      const { fields } = validator;
      const own = (name: string) => (Object.hasOwn(value, name) ? value[name] : undefined);
      const isKnown = (name: string) => value[name] === undefined || Object.hasOwn(fields, name);
      return (
        firstIn(Object.entries(fields), (name, field) => misfitOf(field, own(name))) ??
        firstIn(Object.entries(value), (name) => unless(isKnown(name), "no such field"))
      );
    }
    case "union": {
      const misfits = validator.members.map((member) => misfitOf(member, value));
      return misfits.includes(undefined) ? undefined : (misfits.at(-1) ?? unless(false));
    }
  }
}

/** The first misfit of the parts of a value. */
function firstIn<Part>(
  parts: Iterable<[string | number, Part]>,
  misfitIn: (name: string, part: Part) => Misfit | undefined,
): Misfit | undefined {
  for (const [name, part] of parts) {
    const found = misfitIn(String(name), part);
    if (found) return { ...found, path: [String(name), ...found.path] };
  }
}
