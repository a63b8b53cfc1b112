import { CommitTsPlaceholder } from "convex/values";
import type { ViewDefinition } from "../model/definition.js";
import { type AnyReader, type AnyWriter, lazyDb } from "../schema.js";
import { describe } from "../values/describe.js";

/** Tags that one key may have: a read looks each of them up. */
const MAX_TAGS = 200;

/**
 * The tags of a key, each once.
 *
 * @throws Error naming the view and the value, when they are not an array of at most 200 tags.
 */
export function tagsOf(view: ViewDefinition, args: unknown): string[] {
  const tags: unknown = view.tags?.(args as never) ?? [];
  const what = `view "${view.name}": tags`;
  if (!Array.isArray(tags)) {
    throw new Error(`${what} returned ${describe(tags)}; return an array of strings.`);
  }
  const distinct = [...new Set(tags.map((tag) => checkTag(tag, what)))];
  if (distinct.length > MAX_TAGS) {
    throw new Error(`${what} returned ${distinct.length} tags; a key may have at most ${MAX_TAGS}. Use coarser tags.`);
  }
  return distinct;
}

/** @throws Error naming the value, when it is not a tag: a string that is not empty. */
export function checkTag(tag: unknown, what: string): string {
  if (typeof tag === "string" && tag !== "") return tag;
  throw new Error(`${what}: ${describe(tag)} is not a tag; give a string that is not empty.`);
}

/**
 * Whether one of the tags was invalidated after a row was computed.
 *
 * @param asOf - The snapshot that the row was computed from.
 */
export async function isAnyInvalidated(db: AnyReader, tags: readonly string[], asOf: bigint): Promise<boolean> {
  const bumps = await Promise.all(tags.map((tag) => findTag(db, tag)));
  // One that this very transaction has invalidated gets its time when the transaction commits.
  return bumps.some((bump) => bump !== null && (bump.bumpedAt instanceof CommitTsPlaceholder || bump.bumpedAt > asOf));
}

/**
 * Invalidates every row whose key has a tag: one document is written, however many rows there are.
 *
 * @throws Error naming the value, when it is not a tag.
 */
export async function invalidateTag(db: AnyWriter, tag: unknown): Promise<void> {
  const checked = checkTag(tag, "invalidateTag");
  const bump = await findTag(db, checked);
  const writer = lazyDb(db);
  const bumpedAt = db.vars.commitTs;
  if (bump === null) await writer.insert("lazyTags", { tag: checked, bumpedAt });
  else if (!(bump.bumpedAt instanceof CommitTsPlaceholder)) {
    await writer.patch("lazyTags", bump._id, { bumpedAt });
  }
}

async function findTag(db: AnyReader, tag: string) {
  return await lazyDb(db)
    .query("lazyTags")
    .withIndex("by_tag", (q) => q.eq("tag", tag))
    .first();
}
