import { ConvexError, v } from "convex/values";
import type { DatabaseReader, QueryCtx } from "../_generated/server";
import { query } from "../lazy";
import { check as checkDynamically, checkQuestion, checkUser, TooDeep } from "./check";
import { googleDrive } from "./googleDrive";
import { grants } from "./grants";
import { relationOf } from "./model";
import { typeOf } from "./names";
import { tupleFields } from "./tuple";
import { tupleReader } from "./tupleStore";

/** How many objects one page of `listObjects` checks. */
const PAGE = 50;

/** Whether a user has a relation to an object. The stored grant answers; without one, the tuples do. */
export const check = query({
  args: tupleFields,
  handler: async (ctx, question) => {
    checkQuestion(googleDrive, question);
    const { state, value } = await grants.read(ctx, question);
    return { allowed: value.allowed, state, documentsRead: await documentsRead(ctx) };
  },
});

/** The same check, always by the tuples. */
export const checkWithoutGrant = query({
  args: tupleFields,
  handler: async (ctx, question) => {
    const allowed = await checkDynamically(tupleReader(ctx.db), googleDrive, question);
    return { allowed, documentsRead: await documentsRead(ctx) };
  },
});

/**
 * One page of the objects of a type that a user has a relation to, in the order of their names. It reads a grant for
 * each object.
 *
 * @returns `objects`; `tooDeep`: objects without an answer, because the check would follow too many relations; `after`:
 * the argument for the next page, null on the last one.
 */
export const listObjects = query({
  args: {
    user: v.string(),
    relation: v.string(),
    type: v.string(),
    after: v.optional(v.string()),
  },
  handler: async (ctx, { user, relation, type, after }) => {
    relationOf(googleDrive, type, relation);
    if (checkUser(googleDrive, user).kind === "userset") {
      throw new ConvexError(`"${user}" is a userset; list the objects of one user.`);
    }
    if (after !== undefined && typeOf(after) !== type) {
      throw new ConvexError(`after is "${after}"; give what the page before returned.`);
    }
    const objects = await objectsWithTuples(ctx.db, type, after);
    const answers = await Promise.all(
      objects.map(async (object) => {
        try {
          return (await grants.get(ctx, { user, relation, object })).allowed;
        } catch (error) {
          if (error instanceof TooDeep) return null;
          throw error;
        }
      }),
    );
    return {
      objects: objects.filter((_, i) => answers[i]),
      tooDeep: objects.filter((_, i) => answers[i] === null),
      after: objects.length < PAGE ? null : (objects.at(-1) ?? null),
      documentsRead: await documentsRead(ctx),
    };
  },
});

/**
 * The next objects of a type, each once. Reads one document for each, however many tuples the object has. Objects
 * without tuples are left out: no user has a relation to them.
 */
async function objectsWithTuples(db: DatabaseReader, type: string, after = `${type}:`) {
  const objects: string[] = [];
  for (let last = after; objects.length < PAGE; ) {
    const next = await db
      .query("tuples")
      .withIndex("by_object", (q) => q.gt("object", last).lt("object", `${type};`))
      .first();
    if (next === null) break;
    last = next.object;
    objects.push(last);
  }
  return objects;
}

async function documentsRead(ctx: Pick<QueryCtx, "meta">): Promise<number> {
  return (await ctx.meta.getTransactionMetrics()).documentsRead.used;
}
