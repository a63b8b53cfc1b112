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

/** The answers of checks. After a change, a query never serves the old grant: it checks anew. */
export const grantsView = (model: Model) =>
  defineView("grants", {
    table: grantsTable,
    // Bump it with the model.
    version: 1,
    expiredWhen: invalidated(),
    // Not tracked: a change of a folder's tuples would mark very many grants. To invalidate a tag writes one document.
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
 * A check of user U reads tuples in three ways only: it looks for U and for everybody of U's type (`direct`), it lists
 * the usersets of a relation (`usersets`), and it lists the objects of a tupleset (`from`).
 *
 * So a tuple matters only to checks of its own user if this user is a single object and the relation is no tupleset.
 * That holds for all rules that lead to the tuple, also below a `subtract`. Such a tuple has the tag of its user.
 *
 * Any other tuple can change the grants of every user: it names everybody, or a userset with any members, or an object
 * that a rule follows to other users. This is so even if U is a userset or a folder: a tuple that names a userset, or
 * that names a folder in a tupleset, always has the common tag.
 */
export function tagOf(model: Model, { user, relation, object }: Tuple): string {
  const [type = ""] = object.split(":");
  const isFollowed = model.types.get(type)?.get(relation)?.isTupleset ?? true;
  return isFollowed || /[#*]/.test(user) ? STRUCTURE : userTag(user);
}

/** Invalidates the grants that a change of a tuple affects, in the mutation that makes the change. */
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
