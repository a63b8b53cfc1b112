import { describe, expect, test } from "vitest";
import { check, MAX_DEPTH, TooDeep } from "../../../examples/convex/authz/check.js";
import { googleDrive } from "../../../examples/convex/authz/googleDrive.js";
import { parseModel } from "../../../examples/convex/authz/parseModel.js";
import { checkTuple } from "../../../examples/convex/authz/tuple.js";
import { groupType } from "./groupType.js";
import { memoryReader, tuple } from "./memoryReader.js";

/** Groups inside groups, and documents whose viewers must be in two groups. */
const groups = parseModel({
  schema_version: "1.1",
  type_definitions: [
    { type: "user" },
    groupType,
    {
      type: "doc",
      relations: {
        first: { this: {} },
        second: { this: {} },
        blocked: { this: {} },
        viewer: {
          difference: {
            base: {
              intersection: {
                child: [{ computedUserset: { relation: "first" } }, { computedUserset: { relation: "second" } }],
              },
            },
            subtract: { computedUserset: { relation: "blocked" } },
          },
        },
      },
      metadata: {
        relations: Object.fromEntries(
          ["first", "second", "blocked"].map((relation) => [
            relation,
            {
              directly_related_user_types: [{ type: "user" }, { type: "group", relation: "member" }],
            },
          ]),
        ),
      },
    },
  ],
});

const ask = async (question: string, ...tuples: string[]) =>
  await check(memoryReader(tuples.map(tuple)).reader, groups, tuple(question));

describe("a check in circles", () => {
  test("ends, when groups contain each other", async () => {
    const circle = ["group:1#member member group:2", "group:2#member member group:1"];
    expect(await ask("user:anne member group:1", ...circle)).toBe(false);
    expect(await ask("user:anne member group:1", ...circle, "user:anne member group:2")).toBe(true);
  });

  test("ends, when a folder is its own ancestor", async () => {
    const tuples = ["folder:a parent folder:b", "folder:b parent folder:a", "folder:b parent doc:1"];
    const can = async (...more: string[]) =>
      await check(memoryReader([...tuples, ...more].map(tuple)).reader, googleDrive, tuple("user:anne can_read doc:1"));
    expect(await can()).toBe(false);
    expect(await can("user:anne viewer folder:a")).toBe(true);
  });

  test("does not keep a false that rested on a group found true later", async () => {
    // While group 1 is open, group 2 does not lead to anne: only the last member of group 1 does.
    const tuples = [
      "group:2#member member group:1",
      "group:1#member member group:2",
      "group:3#member member group:1",
      "user:anne member group:3",
      "group:1#member first doc:1",
      "group:2#member second doc:1",
    ];
    expect(await ask("user:anne viewer doc:1", ...tuples)).toBe(true);
  });

  test("does not keep a false that rested on another one that rested on such a group", async () => {
    // 1 → 2 → 3 → 2 and 2 → 1; then 1 → 4 → 3, while 1 is still open; then 1 → 5, which leads to anne.
    const tuples = [
      "group:2#member member group:1",
      "group:3#member member group:2",
      "group:1#member member group:2",
      "group:2#member member group:3",
      "group:4#member member group:1",
      "group:3#member member group:4",
      "group:5#member member group:1",
      "user:anne member group:5",
      "group:1#member first doc:1",
      "group:4#member second doc:1",
    ];
    expect(await ask("user:anne viewer doc:1", ...tuples)).toBe(true);
  });

  test("of a subtracted relation is complete", async () => {
    const tuples = [
      "user:anne first doc:1",
      "user:anne second doc:1",
      "group:1#member blocked doc:1",
      "group:2#member member group:1",
      "group:1#member member group:2",
    ];
    expect(await ask("user:anne viewer doc:1", ...tuples)).toBe(true);
    expect(await ask("user:anne viewer doc:1", ...tuples, "user:anne member group:2")).toBe(false);
  });
});

describe("the depth of a check", () => {
  const nested = (groups: number) =>
    Array.from({ length: groups - 1 }, (_, i) => `group:${i + 1}#member member group:${i}`);

  test("may be 25 relations", async () => {
    const tuples = nested(MAX_DEPTH);
    const last = `user:anne member group:${MAX_DEPTH - 1}`;
    expect(await ask("user:anne member group:0", ...tuples, last)).toBe(true);
  });

  test("past that is an error that names the check and the bound", async () => {
    const tuples = nested(MAX_DEPTH + 1);
    await expect(ask("user:anne member group:0", ...tuples)).rejects.toThrow(
      'The check "user:anne member group:0" follows more than 25 relations one after the other',
    );
  });

  test("does not matter where a shorter way leads to the user", async () => {
    const tuples = [...nested(MAX_DEPTH + 1), "user:anne member group:0"];
    expect(await ask("user:anne member group:0", ...tuples)).toBe(true);
    for (const name of ["a", "z"]) {
      const deepAndShort = [
        ...nested(MAX_DEPTH + 1),
        `group:0#member member group:top`,
        `group:${name}#member member group:top`,
        `user:anne member group:${name}`,
      ];
      expect(await ask("user:anne member group:top", ...deepAndShort)).toBe(true);
      await expect(ask("user:bob member group:top", ...deepAndShort)).rejects.toThrow(TooDeep);
    }
  });

  test("does not matter where another condition settles it", async () => {
    const deep = [...nested(MAX_DEPTH + 1), "group:0#member first doc:1"];
    await expect(ask("user:anne viewer doc:1", ...deep, "user:anne second doc:1")).rejects.toThrow(TooDeep);
    expect(await ask("user:anne viewer doc:1", ...deep)).toBe(false);
  });

  test("does not make a search that finds nothing go on without end", async () => {
    const names = Array.from({ length: MAX_DEPTH + 1 }, (_, i) => i);
    const everyoneInEveryone = names.flatMap((inner) =>
      names.filter((outer) => outer !== inner).map((outer) => `group:${inner}#member member group:${outer}`),
    );
    const { reader, reads } = memoryReader(everyoneInEveryone.map(tuple));
    const asked = check(reader, groups, tuple("user:anne member group:0"));
    await expect(asked).rejects.toThrow(TooDeep);
    expect(reads.documents).toBeLessThan(20_000);
  });
});

describe("who asks", () => {
  test("may be a userset: it has what tuples give to it, and is a member of itself", async () => {
    const tuples = ["group:eng#member first doc:1", "group:web#member member group:eng"];
    expect(await ask("group:eng#member first doc:1", ...tuples)).toBe(true);
    expect(await ask("group:web#member first doc:1", ...tuples)).toBe(true);
    expect(await ask("group:eng#member member group:web", ...tuples)).toBe(false);
    expect(await ask("group:eng#member member group:eng")).toBe(true);
  });

  test("may be an object; a wildcard of a type stands for each of its objects, and for no userset", async () => {
    const tuples = ["folder:a parent doc:1", "user:* viewer doc:1"].map(tuple);
    const asks = async (question: string) => await check(memoryReader(tuples).reader, googleDrive, tuple(question));
    expect(await asks("folder:a parent doc:1")).toBe(true);
    expect(await asks("user:anne viewer doc:1")).toBe(true);
    expect(await asks("folder:a viewer doc:1")).toBe(false);
    expect(await asks("group:eng#member viewer doc:1")).toBe(false);
  });

  test.each([
    ["anne viewer doc:1", '"anne" is not a user'],
    ["user:* viewer doc:1", '"user:*" is everybody'],
    ["person:anne viewer doc:1", 'There is no type "person"'],
    ["group:eng#owner viewer doc:1", 'The type "group" has no relation "owner"; it has member'],
    ["user:anne viewer doc", '"doc" is not an object'],
    ["user:anne viewer doc:1#viewer", '"doc:1#viewer" is not an object'],
    ["user:anne reader doc:1", 'The type "doc" has no relation "reader"'],
    ["user:anne viewer page:1", 'There is no type "page"'],
  ])("%s is refused", async (question, message) => {
    const asked = check(memoryReader([]).reader, googleDrive, tuple(question));
    await expect(asked).rejects.toThrow(`The check "${question}": ${message}`);
  });
});

test("a check reads no more documents than it needs", async () => {
  const members = Array.from({ length: 50 }, (_, i) => tuple(`user:${i} member group:eng`));
  const { reader, reads } = memoryReader([
    ...members,
    tuple("group:eng#member viewer folder:a"),
    tuple("folder:a parent doc:1"),
    tuple("user:boss owner doc:1"),
  ]);
  const can = (user: string) => check(reader, googleDrive, tuple(`${user} can_read doc:1`));
  expect([await can("user:boss"), reads.documents]).toEqual([true, 1]);
  reads.documents = 0;
  // The folder, the group, and the tuple in it.
  expect([await can("user:49"), reads.documents]).toEqual([true, 3]);
});

test.each([
  ["anne viewer doc:1", '"anne" is not a user'],
  ["user:anne viewer doc:*", '"doc:*" is not an object'],
  ["user:anne viewer page:1", 'There is no type "page"; the model has user, group, folder, doc'],
  ["user:anne reader doc:1", 'The type "doc" has no relation "reader"'],
  ["user:* owner doc:1", "doc#owner does not allow user:*; it allows user"],
  ["folder:a viewer doc:1", "doc#viewer does not allow folder; it allows user, user:*, group#member"],
  ["user:anne can_read doc:1", "doc#can_read follows from other relations and has no tuples"],
])("the tuple %s is refused", (text, message) => {
  expect(() => checkTuple(googleDrive, tuple(text))).toThrow(`The tuple "${text}": ${message}`);
});
