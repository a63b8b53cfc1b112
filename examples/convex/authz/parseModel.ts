import type { Model } from "./model";
import { readModel } from "./readModel";
import { checkReferences } from "./references";
import { checkSoundness } from "./soundness";

/**
 * Reads OpenFGA's JSON authorization model (see `AuthorizationModel`), and checks that it has one clear meaning.
 *
 * ```ts
 * const model = parseModel({ schema_version: "1.1", type_definitions: [{ type: "user" }, …] });
 * ```
 *
 * @throws Error that names what is wrong, where, and the remedy.
 */
export function parseModel(json: unknown): Model {
  const model = readModel(json);
  checkReferences(model);
  checkSoundness(model);
  return model;
}
