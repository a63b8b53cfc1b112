import type { GenericValidator, ObjectType, PropertyValidators, Validator, VObject } from "convex/values";
import { asObjectValidator } from "convex/values";
import { ValidationError, validate } from "convex-helpers/validators";
import { describe } from "../values/describe.js";

/** What the library needs of a zod schema (or of any other that follows Standard Schema). */
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

/** What TypeScript calls the kinds of validators that have another name. */
const TYPE_NAMES: Record<string, string> = { float64: "number", int64: "bigint", nothing: "no such field" };

function checkStandard(schema: StandardSchema, value: unknown, what: string): unknown {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) throw new Error(`${what}: its schema must be synchronous.`);
  const issue = result.issues?.[0];
  if (issue === undefined) return result.value;
  const path = issue.path?.map((part) => String(typeof part === "object" ? part.key : part)) ?? [];
  throw misfit(what, path, issue.message, value);
}

/** The error for a value that has the wrong thing at a path. */
function misfit(what: string, path: string[], expectation: string, value: unknown): Error {
  const read = (from: unknown, part: string) => Object.getOwnPropertyDescriptor(Object(from), part)?.value;
  const got = describe(path.reduce(read, value));
  // Of an instance of a class, convex-helpers says that its class was expected.
  const wanted = expectation === got.replace(/^a/, "expected") ? "expected object" : expectation;
  return new Error(`${[what, ...path].join(".")}: ${wanted}, got ${got}.`);
}
