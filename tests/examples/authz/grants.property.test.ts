import { Triggers } from "convex-helpers/server/triggers";
import type { EffectCtx } from "convex-lazy-views";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import type { DataModel } from "../../../examples/convex/_generated/dataModel.js";
import type { MutationCtx } from "../../../examples/convex/_generated/server.js";
import { grantsView, watchTuples } from "../../../examples/convex/authz/grants.js";
import { parseModel } from "../../../examples/convex/authz/parseModel.js";
import { authzTables } from "../../../examples/convex/authz/schema.js";
import type { Tuple } from "../../../examples/convex/authz/tuple.js";
import { changeTuples } from "../../../examples/convex/authz/tupleStore.js";
import { SEED } from "../../seed.js";
import { endTestApp, startTestApp } from "../../testApp.js";
import { everythingOf } from "./meaning.js";
import { OBJECTS, type RandomModel, randomModel, randomTuples, USERS } from "./randomModel.js";

afterEach(endTestApp);

/** The effects of a read arrive, once or twice; or they are lost; or they arrive after the next change. */
type Fate = "arrives" | "arrives twice" | "is lost" | "is late";

/** One step of a history: tuples to toggle (deleted if they exist, otherwise written), then checks. */
interface Step {
  turned: Tuple[];
  /** One tuple turns into another in place, as `db.replace` does it, without the mutation `write`. */
  replaced?: Tuple;
  checked: Tuple[];
  fate: Fate;
}

interface History {
  random: RandomModel;
  /** The initial tuples. */
  tuples: Tuple[];
  steps: Step[];
}

const question = fc.record({
  user: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("user:1", "a:1") },
    { weight: 1, arbitrary: fc.constantFrom(...USERS) },
  ),
  node: fc.constantFrom(...USERS.filter((user) => user.includes("#"))),
});
const checked = fc.array(question, { minLength: 2, maxLength: 4 }).map((questions) =>
  questions.map(({ user, node }): Tuple => {
    const [object = "", relation = ""] = node.split("#");
    return { user, relation, object };
  }),
);

const history: fc.Arbitrary<History> = randomModel.chain((random) => {
  // Often a tuple about a single user, or about one step from object to object: small changes find most bugs.
  const kinds = [
    random.tuples,
    random.tuples.filter(({ user }) => user === "user:1" || user === "a:1"),
    random.tuples.filter(({ relation }) => relation === "parent"),
  ];
  const tuple = fc.oneof(...kinds.map((tuples) => fc.constantFrom(...tuples)));
  const step: fc.Arbitrary<Step> = fc.record(
    {
      turned: fc.uniqueArray(tuple, { minLength: 1, maxLength: 2, selector: JSON.stringify }),
      replaced: tuple,
      checked,
      fate: fc.constantFrom<Fate[]>("arrives", "arrives", "arrives twice", "is lost", "is late"),
    },
    { requiredKeys: ["turned", "checked", "fate"] },
  );
  return fc.record({
    random: fc.constant(random),
    tuples: randomTuples(random),
    steps: fc.array(step, { minLength: 2, maxLength: 6, size: "max" }),
  });
});

function startGrants({ model }: RandomModel) {
  const parsed = parseModel(model);
  const grants = grantsView(parsed);
  const triggers = new Triggers<DataModel>();
  const app = startTestApp({ tables: authzTables, views: { grants } });
  watchTuples(triggers, parsed, (ctx, tag) => app.lazy.invalidateTag(ctx as never, tag));
  const mutation = <R>(fn: (ctx: MutationCtx & EffectCtx) => R) =>
    app.mutation((ctx) => fn(triggers.wrapDB(ctx as unknown as MutationCtx & EffectCtx)));
  return { app, mutation, grants, parsed };
}

/**
 * Runs a history. After every change it compares each earlier check with the meaning of the model.
 *
 * @returns How many grants were served, and how many of them were denials.
 */
async function runHistory({ random, tuples, steps }: History) {
  const { app, mutation, grants, parsed } = startGrants(random);
  const stored = new Map<string, Tuple>();
  const turn = (tuple: Tuple) => {
    const text = JSON.stringify(tuple);
    if (!stored.delete(text)) stored.set(text, tuple);
  };
  const expected = (key: Tuple) =>
    everythingOf(key.user, random.model, random.strata, [...stored.values()], OBJECTS).has(
      `${key.object}#${key.relation}`,
    );
  const answers = (keys: Tuple[], allowed: (boolean | undefined)[]) =>
    keys.map((key, i) => `${key.user} ${key.relation} ${key.object} ${allowed[i]}`);
  const agree = (keys: Tuple[], values: ({ allowed: boolean } | null)[]) =>
    expect(
      answers(
        keys,
        values.map((value) => value?.allowed),
      ),
    ).toEqual(answers(keys, keys.map(expected)));

  const asked = new Map<string, Tuple>();
  let late: string[] = [];
  let freshReads = 0;
  let denied = 0;
  await mutation((ctx) => changeTuples(ctx.db, parsed, { deletes: [], writes: tuples }));
  for (const tuple of tuples) turn(tuple);

  for (const { turned, replaced, checked, fate } of steps) {
    for (const key of checked) asked.set(JSON.stringify(key), key);
    const keys = [...asked.values()];
    const deletes = turned.filter((tuple) => stored.has(JSON.stringify(tuple)));
    const writes = turned.filter((tuple) => !stored.has(JSON.stringify(tuple)));
    for (const tuple of turned) turn(tuple);
    const [first] = stored.values();
    const isReplaced = first !== undefined && replaced !== undefined && !stored.has(JSON.stringify(replaced));
    if (isReplaced) [first, replaced].forEach(turn);
    // Also inside the mutation that changes them.
    const within = await mutation(async (ctx) => {
      const { db } = ctx;
      await changeTuples(db, parsed, { deletes, writes });
      const all = isReplaced ? await db.query("tuples").collect() : [];
      const old = all.find((t) => t.user === first?.user && t.relation === first.relation && t.object === first.object);
      if (old !== undefined && replaced !== undefined) await db.replace("tuples", old._id, replaced);
      return await grants.getMany(ctx, checked);
    });
    agree(checked, within);

    await app.deliver(late);
    late = [];
    await app.advance(0);
    const read = await app.collect((ctx) => Promise.all(keys.map((key) => grants.read(ctx, key))));
    agree(
      keys,
      read.result.map(({ value }) => value),
    );
    for (const { state, value } of read.result) {
      if (state !== "fresh") continue;
      freshReads++;
      if (value?.allowed === false) denied++;
    }

    if (fate === "is late") late = read.messages;
    if (fate.startsWith("arrives")) await app.deliver(read.messages);
    if (fate === "arrives twice") await app.deliver(read.messages);
    await app.advance(2_001);
  }
  endTestApp();
  return { freshReads, denied };
}

test.each([1, 2, 3])(
  "random models, tuples and changes, part %d: a check through the view is never anything but the truth",
  async (part) => {
    const seen = { freshReads: 0, denied: 0 };
    await fc.assert(
      fc.asyncProperty(history, async (random) => {
        const { freshReads, denied } = await runHistory(random);
        seen.freshReads += freshReads;
        seen.denied += denied;
      }),
      { seed: 3 * SEED + part, numRuns: 15 },
    );
    // Grants of both kinds were materialized and served.
    expect(seen.denied).toBeGreaterThan(9);
    expect(seen.freshReads - seen.denied).toBeGreaterThan(9);
  },
);
