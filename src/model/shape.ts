import type { GenericValidator, ObjectType, PropertyValidators, Validator, VObject } from "convex/values";
import { asObjectValidator } from "convex/values";
import { ValidationError, validate } from "convex-helpers/validators";
import { describe } from "../values/describe.js";

/** A schema of zod, or of another library that follows Standard Schema: the part of it that this library uses. */
export interface StandardSchema<Output = unknown> {
  /** See https://standardschema.dev. */
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

/** The shape of a key or a value: an object of Convex validators, one Convex validator, or a zod object. */
export type Shape = PropertyValidators | GenericValidator | StandardSchema;

/**
 * The TypeScript type of the values that fit a shape; of a schema that transforms values, the type of its output.
 *
 * @example
 * ```ts
 * import type { ShapeType } from "convex-lazy-views";
 *
 * const key = { airport: v.string() };
 * export type Key = ShapeType<typeof key>; // { airport: string }
 * ```
 */
export type ShapeType<S> =
  S extends StandardSchema<infer Output>
    ? Output
    : S extends Validator<infer Type, "required", string>
      ? Type
      : S extends PropertyValidators
        ? ObjectType<S>
        : never;

/** The paths that an index can have in a field of this shape. Of a zod object: any path. */
export type ShapePaths<S> = S extends StandardSchema
  ? string
  : S extends Validator<unknown, "required", infer Paths>
    ? Paths
    : S extends PropertyValidators
      ? VObject<ObjectType<S>, S>["fieldPaths"]
      : never;

/** Checks a value against a shape. Returns it, or what the schema has made of it. */
export type Check = (value: unknown) => unknown;

/**
 * Makes the check of a shape. It throws an Error that names the field, what was expected, and what it got.
 *
 * @param what - What is checked, for the message.
 */
export function toCheck(shape: Shape, what: string): Check {
  if ("~standard" in shape) return (value) => checkStandard(shape as StandardSchema, value, what);
  const validator = asObjectValidator(shape);
  return (value) => {
    try {
      validate(validator, value, { throw: true });
      return value;
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      const path = error.path?.match(/[^.[\]]+/g) ?? [];
      throw misfit(what, path, `expected ${TYPE_NAMES[error.expected] ?? error.expected}`, value);
    }
  };
}

/** The names of validators, where TypeScript has another one. */
const TYPE_NAMES: Record<string, string> = { float64: "number", int64: "bigint", nothing: "no such field" };

function checkStandard(schema: StandardSchema, value: unknown, what: string): unknown {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) throw new Error(`${what}: its schema must be synchronous.`);
  const issue = result.issues?.[0];
  if (issue === undefined) return result.value;
  const path = issue.path?.map((part) => String(typeof part === "object" ? part.key : part)) ?? [];
  throw misfit(what, path, issue.message, value);
}

/** The error of a value that does not fit at a path. */
function misfit(what: string, path: string[], expectation: string, value: unknown): Error {
  const read = (from: unknown, part: string) => Object.getOwnPropertyDescriptor(Object(from), part)?.value;
  const got = describe(path.reduce(read, value));
  // For an instance of a class, convex-helpers says that this class was expected.
  const wanted = expectation === got.replace(/^a/, "expected") ? "expected object" : expectation;
  return new Error(`${[what, ...path].join(".")}: ${wanted}, got ${got}.`);
}
