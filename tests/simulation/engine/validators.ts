import type { ValidatorJSON } from "convex/values";

/** Why a value does not fit its exported validator, as a phrase; null when it fits. */
export function misfit(validator: ValidatorJSON, value: unknown, path = "value"): string | null {
  const expected = (what: string) => `${path} is ${text(value)}, not ${what}`;
  switch (validator.type) {
    case "any":
      return value === undefined ? expected("a value") : null;
    case "null":
      return value === null ? null : expected("null");
    case "number":
    case "boolean":
    case "string":
    case "bigint":
      return typeof value === validator.type ? null : expected(`a ${validator.type}`);
    case "commitTs":
      return typeof value === "bigint" ? null : expected("a commit timestamp");
    case "bytes":
      return value instanceof ArrayBuffer ? null : expected("bytes");
    case "id":
      return typeof value === "string" && value.replace(/^\d+(.*\/)?/, "") === validator.tableName
        ? null
        : expected(`an id of ${validator.tableName}`);
    case "literal":
      return value === validator.value ? null : expected(text(validator.value));
    case "union": {
      const wrong = validator.value.map((option) => misfit(option, value, path));
      return wrong.includes(null) ? null : wrong.join("; ");
    }
    case "array": {
      if (!Array.isArray(value)) return expected("an array");
      return firstOf(value.map((item, i) => () => misfit(validator.value, item, `${path}[${i}]`)));
    }
    case "object": {
      if (typeof value !== "object" || value === null) return expected("an object");
      const fields = value as { [name: string]: unknown };
      const known = Object.entries(validator.value).map(([name, { fieldType, optional }]) => () => {
        if (fields[name] === undefined) return optional ? null : `${path} has no field ${name}`;
        return misfit(fieldType, fields[name], `${path}.${name}`);
      });
      const unknown = Object.keys(fields).find((name) => validator.value[name] === undefined);
      return unknown === undefined ? firstOf(known) : `${path} has the unknown field ${unknown}`;
    }
    default:
      throw new Error(`The simulation does not model validators of type ${validator.type}.`);
  }
}

function firstOf(checks: (() => string | null)[]): string | null {
  for (const check of checks) {
    const wrong = check();
    if (wrong !== null) return wrong;
  }
  return null;
}

function text(value: unknown): string {
  return typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? String(value));
}
