import type { Triggers } from "convex-helpers/server/triggers";
import { defineView, invalidated } from "convex-lazy-views";
import type { DataModel } from "../_generated/dataModel";
import type { MutationCtx, QueryCtx } from "../_generated/server";
import { check } from "./check";
import { googleDrive } from "./googleDrive";
import type { Model } from "./model";
import type { Tuple } from "./tuple";
import { tupleReader } from "./tupleStore";
import { grantsTable } from "./viewTables";

/** The answers of checks. A grant from before a change is never served: the query checks anew. */
export const grantsView = (model: Model) =>
  defineView("grants", {
    table: grantsTable,
    // Bump it with the model.
    version: 1,
    expiredWhen: invalidated(),
    // Not tracked: a change of a folder's tuples would mark very many grants, where a tag is one document.
    sources: {},
    tags: ({ user }) => [userTag(user), STRUCTURE],
    window: { seconds: 2 },
    compute: async (ctx: QueryCtx, key) => ({
      allowed: await check(tupleReader(ctx.db), model, key),
    }),
  });

export const grants = grantsView(googleDrive);

const STRUCTURE = "authz structure";
const userTag = (user: string) => `authz ${user}`;

/**
 * The tag of the grants that a tuple can change.
 *
 * A check of user U reads tuples in three ways only: it looks for U itself (`direct`), for everybody of U's type
 * (`direct`), and it lists the usersets of a relation (`usersets`) or the objects of a tupleset (`from`). So a tuple
 * whose user is one object, in a relation that is no tupleset, is found by the first way alone, and only when its
 * user is U: it concerns the grants of that very user, whatever rules lead to it, also below a `subtract`.
 * Any other tuple may concern every user's grants: everybody's, the userset's members', those of whoever the
 * followed object leads to. That holds for a U that is a userset or a folder too: a tuple that names the userset
 * itself is of the second kind, and one that names the folder is of the second kind where it is followed.
 */
export function tagOf(model: Model, { user, relation, object }: Tuple): string {
  const [type = ""] = object.split(":");
  const isFollowed = model.types.get(type)?.get(relation)?.isTupleset ?? true;
  return isFollowed || /[#*]/.test(user) ? STRUCTURE : userTag(user);
}

/** Invalidates the grants that a change of the tuples concerns, whoever makes it, in its own mutation. */
export function watchTuples(
  triggers: Triggers<DataModel>,
  model: Model,
  invalidateTag: (ctx: MutationCtx, tag: string) => Promise<void>,
): void {
  triggers.register("tuples", async (ctx, { oldDoc, newDoc }) => {
    for (const tuple of [oldDoc, newDoc]) {
      if (tuple !== null) await invalidateTag(ctx, tagOf(model, tuple));
    }
  });
}
