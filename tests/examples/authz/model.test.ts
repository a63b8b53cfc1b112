import { describe, expect, test } from "vitest";
import { googleDriveModel } from "../../../examples/convex/authz/googleDrive.js";
import { leavesOf, relationOf } from "../../../examples/convex/authz/model.js";
import { parseModel } from "../../../examples/convex/authz/parseModel.js";

const THIS = { this: {} };
const computed = (relation: string) => ({ computedUserset: { relation } });
const from = (tupleset: string, relation: string) => ({
  tupleToUserset: { tupleset: { relation: tupleset }, computedUserset: { relation } },
});
const union = (...child: unknown[]) => ({ union: { child } });
const butNot = (base: unknown, subtract: unknown) => ({ difference: { base, subtract } });
const USER = { type: "user" };

/** A model with users, and one type `doc`: relation → definition, and relation → user types. */
function docModel(relations: Record<string, unknown>, types: Record<string, unknown[]> = {}) {
  const metadata = Object.fromEntries(
    Object.entries(types).map(([relation, references]) => [relation, { directly_related_user_types: references }]),
  );
  return {
    schema_version: "1.1",
    type_definitions: [{ type: "user" }, { type: "doc", relations, metadata: { relations: metadata } }],
  };
}

describe("a model", () => {
  test("of OpenFGA's, with what its tools write beside it, is read", () => {
    const exported = {
      ...docModel(
        { viewer: { this: {} }, can_read: { computedUserset: { object: "", relation: "viewer" } } },
        { viewer: [{ type: "user", condition: "" }], can_read: [] },
      ),
      id: "01HVMMBCMGZNT3SED4Z17ECXCA",
      conditions: {},
    };
    expect([...(parseModel(exported).types.get("doc")?.keys() ?? [])]).toEqual(["viewer", "can_read"]);
  });

  test("tries first what reads least", () => {
    const { rule } = relationOf(parseModel(googleDriveModel), "folder", "viewer");
    expect([...leavesOf(rule)].map(({ leaf }) => leaf.kind)).toEqual(["direct", "computed", "usersets", "from"]);
  });

  test("may lead from a relation to itself through tuples", () => {
    const nested = docModel({ viewer: THIS }, { viewer: [USER, { type: "doc", relation: "viewer" }] });
    expect(() => parseModel(nested)).not.toThrow();
  });

  test("may subtract a relation that does not lead back", () => {
    const blocked = docModel(
      { blocked: THIS, viewer: butNot(THIS, computed("blocked")) },
      { blocked: [USER], viewer: [USER, { type: "doc", relation: "viewer" }] },
    );
    expect(() => parseModel(blocked)).not.toThrow();
  });
});

const viewer = { viewer: THIS };
const toUsers = { viewer: [USER] };

test.each<[what: string, model: unknown, message: string]>([
  ["no object", null, "the whole: null stands where an object must be"],
  ["of another schema", { schema_version: "1.0", type_definitions: [] }, 'schema_version: it is "1.0"; give "1.1"'],
  ["without types", { schema_version: "1.1" }, "type_definitions: it is undefined; give an array"],
  [
    "with conditions",
    { ...docModel(viewer, toUsers), conditions: { in_office: {} } },
    "the whole: it uses conditions, which are not supported",
  ],
  [
    "with a condition on a user type",
    docModel(viewer, { viewer: [{ type: "user", condition: "in_office" }] }),
    "doc#viewer: it uses conditions, which are not supported",
  ],
  [
    "that defines a type twice",
    { schema_version: "1.1", type_definitions: [USER, USER] },
    "user: the type is defined twice; leave one out",
  ],
  ["with a name that is none", docModel({ "can read": THIS }), '"can read" is not a name'],
  [
    "with metadata of no relation",
    docModel(viewer, { ...toUsers, owner: [USER] }),
    'doc, metadata: there is no relation "owner"',
  ],
  ["with an operator of its own", docModel({ viewer: { xor: {} } }), 'defined as {"xor":{}}; give one of this'],
  ["with several operators", docModel({ viewer: { ...THIS, ...computed("owner") } }), "has several operators"],
  ["with an empty union", docModel({ viewer: union() }), "doc#viewer: it has no child; give at least one"],
  [
    "with a wildcard of a userset",
    docModel(viewer, { viewer: [{ type: "doc", relation: "viewer", wildcard: {} }] }),
    "has a relation and a wildcard; leave one out",
  ],
  [
    "with an unknown computed relation",
    docModel({ ...viewer, can_read: computed("reader") }, toUsers),
    'doc#can_read: it refers to the unknown relation "reader"; "doc" has viewer, can_read',
  ],
  [
    "with an unknown tupleset",
    docModel({ viewer: union(THIS, from("parent", "viewer")) }, toUsers),
    'doc#viewer: it refers to the unknown relation "parent"',
  ],
  [
    "with users of an unknown type",
    docModel(viewer, { viewer: [{ type: "person" }] }),
    "doc#viewer: it allows person, of an unknown type; the model has the types user, doc",
  ],
  [
    "with usersets of an unknown relation",
    docModel(viewer, { viewer: [USER, { type: "doc", relation: "member" }] }),
    'doc#viewer: it allows doc#member, an unknown relation; "doc" has viewer',
  ],
  [
    "that follows a tupleset to types without the relation",
    docModel({ parent: THIS, viewer: union(THIS, from("parent", "viewer")) }, { parent: [USER], ...toUsers }),
    'doc#viewer: no type that parent leads to (user) has the relation "viewer"; define it there',
  ],
  [
    "that follows a computed tupleset",
    docModel(
      { home: THIS, parent: computed("home"), viewer: union(THIS, from("parent", "viewer")) },
      { home: [{ type: "doc" }], ...toUsers },
    ),
    'doc#viewer: it follows doc#parent from object to object, which must be defined as "this" alone',
  ],
  [
    "that follows a tupleset of everybody",
    docModel(
      { parent: THIS, viewer: union(THIS, from("parent", "viewer")) },
      { parent: [{ type: "doc", wildcard: {} }], ...toUsers },
    ),
    "which must not allow doc:*; allow plain types only",
  ],
  [
    "that follows a tupleset of usersets",
    docModel(
      { parent: THIS, viewer: union(THIS, from("parent", "viewer")) },
      { parent: [{ type: "doc" }, { type: "doc", relation: "viewer" }], ...toUsers },
    ),
    "which must not allow doc#viewer; allow plain types only",
  ],
  ["with this for nobody", docModel(viewer), 'doc#viewer: "this" has no type restrictions'],
  [
    "with user types and no this",
    docModel({ ...viewer, can_read: computed("viewer") }, { ...toUsers, can_read: [USER] }),
    "doc#can_read: it allows user, but has no tuples of its own",
  ],
  [
    "that defines a relation by itself",
    docModel({ a: computed("b"), b: union(computed("c"), computed("a")), c: computed("b") }),
    "doc#a: it is defined by itself (doc#a → doc#b → doc#a)",
  ],
  [
    "with a relation that leads only to itself",
    docModel(viewer, { viewer: [{ type: "doc", relation: "viewer" }] }),
    "doc#viewer: nobody can ever have it, because it leads only to itself",
  ],
  [
    "with an intersection that can never be entered",
    docModel(
      { parent: THIS, viewer: { intersection: { child: [THIS, from("parent", "viewer")] } } },
      { parent: [{ type: "doc" }], ...toUsers },
    ),
    "doc#viewer: nobody can ever have it",
  ],
  [
    "with a relation that depends on its own negation",
    docModel({ a: butNot(THIS, computed("b")), b: THIS }, { a: [USER], b: [USER, { type: "doc", relation: "a" }] }),
    "doc#a: it depends on its own negation (doc#a but not doc#b → doc#a)",
  ],
  [
    "with a relation that subtracts itself from its parents'",
    docModel(
      { parent: THIS, viewer: butNot(THIS, from("parent", "viewer")) },
      { parent: [{ type: "doc" }], ...toUsers },
    ),
    "doc#viewer: it depends on its own negation (doc#viewer but not doc#viewer)",
  ],
])("a model %s is refused", (_, model, message) => {
  expect(() => parseModel(model)).toThrow(message);
});
