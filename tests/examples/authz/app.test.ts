import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../../examples/convex/_generated/api.js";
import { googleDrive } from "../../../examples/convex/authz/googleDrive.js";
import { grants } from "../../../examples/convex/authz/grants.js";
import { sampleTuples } from "../../../examples/convex/authz/sample.js";
import { startExample } from "../startExample.js";
import { tuple } from "./memoryReader.js";

let example: ReturnType<typeof startExample>;
beforeEach(async () => {
  example = startExample();
  await example.t.mutation(api.authz.seed.load);
});
afterEach(() => {
  vi.useRealTimers();
});

const { check, checkWithoutGrant, listObjects } = api.authz.permissions;
/** It holds through five folders and a group. */
const deep = tuple("user:charles can_read doc:launch-plan");
const reason = tuple("group:fabrikam#member viewer folder:company");

/** A check whose effects are lost. */
const ask = async (question = deep) => (await example.views.collect(() => example.t.query(check, question))).result;
/** The answer to a check after all effects have arrived. */
const settle = (question = deep) => example.views.settle(() => example.t.query(check, question));
const write = (change: { writes?: string[]; deletes?: string[] }) =>
  example.t.mutation(api.authz.tuples.write, {
    writes: (change.writes ?? []).map(tuple),
    deletes: (change.deletes ?? []).map(tuple),
  });

describe("a check", () => {
  test("that is cold falls back over the five-level tree, and is warm at the next read", async () => {
    const cold = await example.views.collect(() => example.t.query(check, deep));
    expect(cold.result).toMatchObject({ allowed: true, state: "missing" });
    expect(cold.effects).toHaveLength(1);
    await example.deliver(cold.messages);
    const warm = await example.views.collect(() => example.t.query(check, deep));
    expect(warm.result).toMatchObject({ allowed: true, state: "fresh" });
    expect(warm.effects).toEqual([]);
    expect(warm.result.documentsRead).toBeLessThanOrEqual(3);
    const { documentsRead } = await example.t.query(checkWithoutGrant, deep);
    expect(cold.result.documentsRead).toBe(documentsRead);
    expect(documentsRead).toBe(8);
  });

  test("that is warm reads at most 3 documents, also when both tags were invalidated", async () => {
    await write({ writes: ["user:charles viewer doc:budget", "user:* viewer doc:handbook"] });
    await settle();
    expect((await ask()).documentsRead).toBe(3);
  });

  test("is false right after a revocation, also when no effect arrives", async () => {
    expect(await settle()).toMatchObject({ allowed: true, state: "fresh" });
    await example.t.mutation(api.authz.tuples.write, { deletes: [reason] });
    expect(await ask()).toMatchObject({ allowed: false, state: "expired" });
    expect(await ask()).toMatchObject({ allowed: false, state: "expired" });
    expect(await settle()).toMatchObject({ allowed: false, state: "fresh" });
  });

  test("stays warm when another user's own tuple changes", async () => {
    await settle();
    await write({ writes: ["user:diane viewer doc:launch-plan"] });
    expect(await ask()).toMatchObject({ state: "fresh" });
    await write({ deletes: ["user:charles member group:fabrikam"] });
    expect(await ask()).toMatchObject({ allowed: false, state: "expired" });
  });

  test("sees what its own mutation wrote, over a grant from before", async () => {
    const reading = tuple("user:erik can_read doc:launch-plan");
    expect(await settle(reading)).toMatchObject({ allowed: false, state: "fresh" });
    const share = (by: string) =>
      example.t.mutation(api.authz.sharing.share, {
        by,
        doc: "doc:launch-plan",
        viewer: "user:erik",
      });
    await expect(share("user:beth")).rejects.toThrow("user:beth may not share doc:launch-plan.");
    expect(await share("user:diane")).toBe(true);
    expect(await ask(reading)).toMatchObject({ allowed: true });
  });

  test("that is too deep fails, again and again, and is never answered", async () => {
    const folders = Array.from({ length: 26 }, (_, i) => `folder:${i + 1} parent folder:${i}`);
    await write({ writes: [...folders, "folder:0 parent doc:deep", "user:anne owner folder:26"] });
    const tooDeep = tuple("user:anne can_read doc:deep");
    const message = 'The check "user:anne can_read doc:deep" follows more than 25 relations one after the other';
    for (let reads = 0; reads < 2; reads++) {
      await expect(ask(tooDeep)).rejects.toThrow(message);
      await example.views.advance(60_000);
    }
    await example.views.expectState(grants, tooDeep, "missing");
    await write({ writes: ["user:anne viewer folder:3"] });
    expect(await settle(tooDeep)).toMatchObject({ allowed: true, state: "fresh" });
  });

  test("that cannot be answered raises nothing", async () => {
    const nonsense = tuple("anne can_read doc:budget");
    const asked = example.views.collect(async () => {
      await expect(example.t.query(check, nonsense)).rejects.toThrow('"anne" is not a user');
    });
    expect((await asked).effects).toEqual([]);
  });

  test("in an action backfills its grant too", async () => {
    const link = () => example.t.action(api.authz.downloads.link, { user: deep.user, doc: deep.object });
    const { result, messages } = await example.views.collect(link);
    expect(result).toBe("/downloads/doc%3Alaunch-plan");
    await example.deliver(messages);
    await example.views.expectState(grants, deep, "fresh");
    await example.t.mutation(api.authz.tuples.write, { deletes: [reason] });
    await expect(example.views.collect(link)).rejects.toThrow("user:charles may not read doc:launch-plan");
  });
});

describe("a list of objects", () => {
  const list = (user: string, after?: string) =>
    example.t.query(listObjects, {
      user,
      relation: "can_read",
      type: "doc",
      ...(after === undefined ? {} : { after }),
    });

  test("names what a check cannot tell, and lists the rest", async () => {
    const folders = Array.from({ length: 26 }, (_, i) => `folder:${i + 1} parent folder:${i}`);
    await write({ writes: [...folders, "folder:0 parent doc:deep"] });
    expect((await example.views.collect(() => list("user:diane"))).result).toMatchObject({
      objects: ["doc:launch-plan", "doc:public-roadmap"],
      tooDeep: ["doc:deep"],
    });
  });

  test("is complete when cold, and the same when warm", async () => {
    const cold = await example.views.collect(() => list("user:diane"));
    expect(cold.result).toMatchObject({
      objects: ["doc:launch-plan", "doc:public-roadmap"],
      after: null,
    });
    const warm = await example.views.settle(() => list("user:diane"));
    expect(warm).toMatchObject({ objects: cold.result.objects, after: null });
    // For each of 5 documents: one to find it, its grant, and the two tags, of which one was never invalidated.
    expect(warm.documentsRead).toBeLessThanOrEqual(5 * 4);
    await write({ deletes: ["user:* viewer doc:public-roadmap"] });
    const { result } = await example.views.collect(() => list("user:diane"));
    expect(result.objects).toEqual(["doc:launch-plan"]);
  });

  test("comes a page at a time", async () => {
    const docs = Array.from({ length: 120 }, (_, i) => `doc:${1_000 + i}`);
    await write({ writes: docs.map((doc) => `user:erik viewer ${doc}`) });
    const listed: string[] = [];
    for (let after: string | undefined; ; ) {
      const { result } = await example.views.collect(() => list("user:erik", after));
      listed.push(...result.objects);
      if (result.after === null) break;
      after = result.after;
    }
    expect(listed).toEqual([...docs, "doc:public-roadmap"]);
  });

  test.each([
    [{ user: "group:contoso#member", relation: "viewer", type: "doc" }, "is a userset"],
    [{ user: "user:anne", relation: "reader", type: "doc" }, 'has no relation "reader"'],
    [{ user: "user:anne", relation: "viewer", type: "doc", after: "folder:a" }, 'after is "folder:a"'],
  ])("of %o is refused", async (args, message) => {
    await expect(example.t.query(listObjects, args)).rejects.toThrow(message);
  });
});

describe("writing tuples", () => {
  test("of a forbidden type is refused, and nothing of the call is written", async () => {
    const before = await example.documents();
    await expect(write({ writes: ["user:erik viewer doc:budget", "doc:budget viewer doc:handbook"] })).rejects.toThrow(
      "doc#viewer does not allow doc; it allows user, user:*, group#member",
    );
    expect(await example.documents()).toEqual(before);
  });

  test("that are there already is refused, and so is deleting those that are not", async () => {
    await expect(write({ writes: ["user:* viewer doc:public-roadmap"] })).rejects.toThrow(
      'The tuple "user:* viewer doc:public-roadmap" is there already; leave it out.',
    );
    await expect(write({ deletes: ["user:erik viewer doc:budget"] })).rejects.toThrow(
      'There is no tuple "user:erik viewer doc:budget" to delete; leave it out.',
    );
  });

  test("the sample is what the model allows, and is loaded as often as one likes", async () => {
    expect(googleDrive.types.size).toBe(4);
    expect(await example.t.mutation(api.authz.seed.load)).toBe(sampleTuples.length);
    expect(await ask()).toMatchObject({ allowed: true });
  });
});
