import { type Environment, type EnvironmentChange, isBuiltIn } from "../environment";
import { parseBody } from "../http/body";
import type { ApiAnswer, ApiRequest, Endpoints } from "../http/endpoints";
import { HttpError } from "../http/httpError";
import type { Keys } from "../http/keys";
import type { Runtime } from "../runtime";

const MAX_NAME_LENGTH = 256;
const MAX_VALUE_BYTES = 8 * 1024;

/** The endpoints with which the official command line pushes or evaluates code. */
const PUSHES = /^(deploy2\/|push_config$|prepare_schema$|get_config|run_test_function$)/;

const NO_CODE =
  "The embedded backend runs the app that it was started with, and takes no code. Change the app's files and start " +
  "the backend again.";

/** The endpoints for keys, URLs and environment variables. It also refuses the requests that push code. */
export class AdminApi implements Endpoints {
  constructor(
    private readonly runtime: Runtime,
    private readonly environment: Environment,
    private readonly keys: Keys,
  ) {}

  async handle({ method, path, headers, body }: ApiRequest): Promise<ApiAnswer | null> {
    if (PUSHES.test(path)) {
      this.keys.require(headers.authorization, "deployment:deploy");
      throw new HttpError(400, "EmbeddedBackendTakesNoCode", NO_CODE);
    }
    switch (`${method} ${path.replace(/^v1\//, "")}`) {
      case "GET check_admin_key":
        this.keys.requireKey(headers.authorization);
        return { status: 200, body: { success: true } };
      case "GET get_canonical_urls":
        this.keys.requireKey(headers.authorization);
        return {
          status: 200,
          body: {
            convexCloudUrl: this.environment.get("CONVEX_CLOUD_URL"),
            convexSiteUrl: this.environment.get("CONVEX_SITE_URL"),
          },
        };
      case "GET list_environment_variables": {
        this.keys.require(headers.authorization, "deployment:env:view");
        const variables = this.environment.list().map(({ name, value }) => [name, value]);
        return { status: 200, body: { environmentVariables: Object.fromEntries(variables) } };
      }
      case "POST update_environment_variables":
        this.keys.require(headers.authorization, "deployment:env:write");
        await this.runtime.changeEnvironment(parseChanges(body));
        return { status: 200 };
    }
    return null;
  }
}

/** @throws HttpError 400 in Convex's words, for the first change that is not allowed. */
function parseChanges(body: string): EnvironmentChange[] {
  const expected = "an object with changes, each with a name and a value";
  const { changes } = parseBody(body, expected);
  if (!Array.isArray(changes)) throw new HttpError(400, "BadJsonBody", `Expected ${expected}`);
  return changes.map((change: Partial<EnvironmentChange> | null) => {
    const { name, value = null } = change ?? {};
    if (typeof name !== "string" || (value !== null && typeof value !== "string")) {
      throw new HttpError(400, "BadJsonBody", `Expected ${expected}`);
    }
    checkName(name);
    if (value !== null) checkValue(value);
    return { name, value };
  });
}

function checkValue(value: string): void {
  const bytes = Buffer.byteLength(value);
  if (bytes <= MAX_VALUE_BYTES) return;
  throw new HttpError(
    400,
    "EnvironmentVariableValueTooLarge",
    `The environment variable value is ${bytes} bytes, which is too large. (max size: ${MAX_VALUE_BYTES}`,
  );
}

function checkName(name: string): void {
  if (!/^[a-zA-Z_]+[a-zA-Z0-9_]*$/.test(name)) {
    throw new HttpError(
      400,
      "EnvironmentVariableNameInvalid",
      `The environment variable name ${name} is invalid. Environment variable names must begin with a letter and may ` +
        "only include characters a-z, A-Z, 0-9, and underscores.",
    );
  }
  if (name.length > MAX_NAME_LENGTH) {
    throw new HttpError(
      400,
      "EnvironmentVariableNameTooLong",
      `The environment variable name ${name} is too long. Environment variable names must be less than ` +
        `${MAX_NAME_LENGTH}.`,
    );
  }
  if (isBuiltIn(name)) {
    throw new HttpError(
      400,
      "EnvVarNameForbidden",
      `Environment variable with name "${name}" is built-in and cannot be overridden`,
    );
  }
}
