import fc from "fast-check";
import { expect, test } from "vitest";
import { check } from "../../../examples/convex/authz/check.js";
import type { AuthorizationModel } from "../../../examples/convex/authz/openfga.js";
import { parseModel } from "../../../examples/convex/authz/parseModel.js";
import { groupType } from "./groupType.js";
import { everythingOf } from "./meaning.js";
import { memoryReader, tuple } from "./memoryReader.js";
import { OBJECTS, randomModel, randomTuples, USERS } from "./randomModel.js";

test("over random models and tuples, also in circles, a check is the least fixpoint", async () => {
  let held = 0;
  await fc.assert(
    fc.asyncProperty(
      randomModel.chain((random) => fc.tuple(fc.constant(random), randomTuples(random))),
      async ([{ model, strata }, stored]) => {
        const parsed = parseModel(model);
        const { reader } = memoryReader(stored);
        for (const user of USERS) {
          const expected = everythingOf(user, model, strata, stored, OBJECTS);
          for (const node of USERS.filter((other) => other.includes("#"))) {
            const [object = "", relation = ""] = node.split("#");
            const allowed = await check(reader, parsed, { user, relation, object });
            expect(`${user} ${node} ${allowed}`).toBe(`${user} ${node} ${expected.has(node)}`);
          }
          held += expected.size;
        }
      },
    ),
    { numRuns: 80 },
  );
  expect(held).toBeGreaterThan(1_000);
});

test("groups that contain each other at random: every way to them gives the same answer", async () => {
  const ways = ["w1", "w2", "w3", "w4"];
  const model: AuthorizationModel = {
    schema_version: "1.1",
    type_definitions: [
      { type: "user" },
      groupType,
      {
        type: "doc",
        relations: {
          ...Object.fromEntries(ways.map((way) => [way, { this: {} }])),
          viewer: {
            intersection: {
              child: ways.map((way) => ({ computedUserset: { relation: way } })),
            },
          },
        },
        metadata: {
          relations: Object.fromEntries(
            ways.map((way) => [way, { directly_related_user_types: [{ type: "group", relation: "member" }] }]),
          ),
        },
      },
    ],
  };
  const parsed = parseModel(model);
  const groups = ["group:1", "group:2", "group:3", "group:4", "group:5", "group:6"];
  const group = fc.constantFrom(...groups);
  const circle = fc.record({
    nested: fc.array(fc.tuple(group, group), { minLength: 4, maxLength: 14, size: "max" }),
    member: group,
    reached: fc.tuple(...ways.map(() => group)),
  });
  let held = 0;
  await fc.assert(
    fc.asyncProperty(circle, async ({ nested, member, reached }) => {
      const stored = [
        ...nested.map(([inner, outer]) => tuple(`${inner}#member member ${outer}`)),
        tuple(`user:anne member ${member}`),
        ...ways.map((way, i) => tuple(`${reached[i]}#member ${way} doc:1`)),
      ];
      const strata = [["group#member", ...ways.map((way) => `doc#${way}`), "doc#viewer"]];
      const anne = everythingOf("user:anne", model, strata, stored, [...groups, "doc:1"]);
      const expected = anne.has("doc:1#viewer");
      expect(await check(memoryReader(stored).reader, parsed, tuple("user:anne viewer doc:1"))).toBe(expected);
      if (expected) held++;
    }),
    { numRuns: 2_000 },
  );
  expect(held).toBeGreaterThan(200);
});
