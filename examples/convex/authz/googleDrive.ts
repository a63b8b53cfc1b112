import type { AuthorizationModel, RelationReference, Userset } from "./openfga";
import { parseModel } from "./parseModel";

const tuples: Userset = { this: {} };
const relation = (name: string): Userset => ({ computedUserset: { relation: name } });
const fromParent = (name: string): Userset => ({
  tupleToUserset: { tupleset: { relation: "parent" }, computedUserset: { relation: name } },
});
const anyOf = (...child: Userset[]): Userset => ({ union: { child } });
const types = (...references: RelationReference[]) => ({
  directly_related_user_types: references,
});

const USER = { type: "user" };
const EVERYBODY = { type: "user", wildcard: {} };
const MEMBERS = { type: "group", relation: "member" };

/** Google Drive, as OpenFGA's sample store models it. */
export const googleDriveModel: AuthorizationModel = {
  schema_version: "1.1",
  type_definitions: [
    { type: "user" },
    {
      type: "group",
      relations: { member: tuples },
      metadata: { relations: { member: types(USER) } },
    },
    {
      type: "folder",
      relations: {
        parent: tuples,
        owner: tuples,
        viewer: anyOf(tuples, relation("owner"), fromParent("viewer")),
        can_create_file: relation("owner"),
      },
      metadata: {
        relations: {
          parent: types({ type: "folder" }),
          owner: types(USER),
          viewer: types(USER, EVERYBODY, MEMBERS),
        },
      },
    },
    {
      type: "doc",
      relations: {
        parent: tuples,
        owner: tuples,
        viewer: tuples,
        can_change_owner: relation("owner"),
        can_read: anyOf(relation("viewer"), relation("owner"), fromParent("viewer")),
        can_share: anyOf(relation("owner"), fromParent("owner")),
        can_write: anyOf(relation("owner"), fromParent("owner")),
      },
      metadata: {
        relations: {
          parent: types({ type: "folder" }),
          owner: types(USER),
          viewer: types(USER, EVERYBODY, MEMBERS),
        },
      },
    },
  ],
};

export const googleDrive = parseModel(googleDriveModel);
