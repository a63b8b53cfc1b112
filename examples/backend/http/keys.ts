import { randomBytes } from "node:crypto";
import { HttpError } from "./httpError";

/** A permission that an endpoint requires, as Convex's roles name it. */
export type Permission =
  | "deployment:data:view"
  | "deployment:deploy"
  | "deployment:env:view"
  | "deployment:env:write"
  | "deployment:functions:runInternalActions"
  | "deployment:functions:runInternalMutations"
  | "deployment:functions:runInternalQueries"
  | "deployment:integrations:view"
  | "deployment:integrations:write"
  | "deployment:logs:view";

/** The sender of a request: without a key, with a key that may only view logs, or with one that may do everything. */
export type Identity = "unknown" | "logs" | "admin";

/** The name of the deployment. Keys begin with it. */
export const DEPLOYMENT_NAME = "embedded-backend";

/** The keys of a deployment. */
export class Keys {
  /** May do everything. The official command line takes it as `CONVEX_SELF_HOSTED_ADMIN_KEY`. */
  readonly admin: string;
  /** May only view logs. */
  readonly logs: string;

  constructor(admin = newKey(), logs = newKey()) {
    this.admin = admin;
    this.logs = logs;
  }

  /**
   * The identity of a key. Ignores the prefix of a deployment's type (`prod:name|hex`) and a user to act as
   * (`name|hex:user`).
   *
   * @throws HttpError 401 `BadAdminKey` for a key of another deployment.
   */
  identify(key: string): Identity {
    const bare = key.replace(/^[a-z]+:/, "").replace(/:[^|:]*$/, "");
    if (bare === this.admin) return "admin";
    if (bare === this.logs) return "logs";
    throw new HttpError(401, "BadAdminKey", "The provided admin key was invalid for this instance");
  }

  /**
   * The sender of a request, by its header `Authorization: Convex <key>`. Users' own tokens (`Bearer …`) are ignored:
   * no user is authenticated.
   */
  identifyHeader(authorization: string | undefined): Identity {
    const key = /^convex (.*)$/i.exec(authorization ?? "")?.[1];
    return key === undefined ? "unknown" : this.identify(key);
  }

  /**
   * The identity of a request's key. The request must have one.
   *
   * @throws HttpError 401 `BadAdminKey` for an unknown key, 403 `BadDeployKey` without one.
   */
  requireKey(authorization: string | undefined): Exclude<Identity, "unknown"> {
    const identity = this.identifyHeader(authorization);
    if (identity !== "unknown") return identity;
    throw new HttpError(
      403,
      "BadDeployKey",
      "The provided deploy key was invalid for this deployment. Double check that the environment this key was " +
        "generated for matches the desired deployment.",
    );
  }

  /**
   * Refuses a request without the permission, as Convex does.
   *
   * @throws HttpError 401 `BadAdminKey` for an unknown key, 403 `BadDeployKey` without one, and
   * 403 `OperationNotPermitted` for a key without the permission.
   */
  require(authorization: string | undefined, permission: Permission): void {
    const identity = this.requireKey(authorization);
    if (identity === "logs" && permission !== "deployment:logs:view") {
      throw new HttpError(403, "OperationNotPermitted", permissionDenied(permission));
    }
  }
}

/** Convex's message for a key without the permission. */
export function permissionDenied(permission: Permission): string {
  return `You do not have permission to perform this operation (${permission}).`;
}

function newKey(): string {
  return `${DEPLOYMENT_NAME}|${randomBytes(34).toString("hex")}`;
}
