import { afterEach, expect, test, vi } from "vitest";
import { api } from "../../../examples/convex/_generated/api.js";
import { sampleTuples } from "../../../examples/convex/authz/sample.js";
import type { Tuple } from "../../../examples/convex/authz/tuple.js";
import { deepest } from "../../../examples/page/authz/drive.js";
import { people } from "../../../examples/page/authz/people.js";
import { startExample } from "../startExample.js";

afterEach(() => {
  vi.useRealTimers();
});

const text = ({ user, relation, object }: Tuple) => `${user} ${relation} ${object}`;
const isInSample = (tuple: Tuple) => sampleTuples.some((each) => text(each) === text(tuple));

/** The tuples that the page has switches for, each once. */
const switches = [
  ...new Map(people.flatMap(({ conditions }) => conditions).map((each) => [text(each), each])).values(),
];

test.each(people)(
  "$user: whatever is switched on, a check with a grant reads less than one without",
  async (person) => {
    const { user, conditions } = person;
    const { t, views } = startExample();
    await t.mutation(api.authz.seed.load);
    const question = { user, relation: "can_read", object: deepest.object };
    // A tuple of another person changes nothing for this one; a tuple of a group may.
    const own = switches.filter((tuple) => tuple.user === user || tuple.user.includes("#"));
    const stored = new Set(own.filter(isInSample).map(text));
    for (let state = 0; state < 2 ** own.length; state++) {
      const isOn = (tuple: Tuple) => (state & (2 ** own.indexOf(tuple))) > 0;
      await t.mutation(api.authz.tuples.write, {
        deletes: own.filter((tuple) => stored.has(text(tuple)) && !isOn(tuple)),
        writes: own.filter((tuple) => !stored.has(text(tuple)) && isOn(tuple)),
      });
      stored.clear();
      for (const tuple of own.filter(isOn)) stored.add(text(tuple));

      const withGrant = await views.settle(() => t.query(api.authz.permissions.check, question));
      const without = await t.query(api.authz.permissions.checkWithoutGrant, question);
      const allowed = conditions.every((tuple) => stored.has(text(tuple)));
      const which = [...stored].join(", ");
      expect(withGrant, which).toMatchObject({ allowed, state: "fresh" });
      expect(without.allowed, which).toBe(allowed);
      expect(withGrant.documentsRead, which).toBeLessThanOrEqual(3);
      expect(without.documentsRead, which).toBeGreaterThan(withGrant.documentsRead);
    }
  },
);
