import { CommitTsPlaceholder } from "convex/values";
import type { ViewDefinition } from "../model/definition.js";
import { type AnyReader, type AnyWriter, lazyDb, type Row } from "../schema.js";
import { describe } from "../values/describe.js";
import { findBy } from "../values/findBy.js";

/** Tags that one key may have. A read looks up each of them. */
const MAX_TAGS = 200;

/** The tags of a key, each once. @throws Error that names the value, when it is not an array of at most 200 tags. */
export function tagsOf(view: ViewDefinition, args: unknown): string[] {
  const what = `view "${view.name}": tags`;
  const tags: unknown = view.tags?.(args as never) ?? [];
  const distinct = Array.isArray(tags) ? new Set(tags.map((tag) => checkTag(tag, what))) : undefined;
  if (distinct && distinct.size <= MAX_TAGS) return [...distinct];
  const got = distinct ? `${distinct.size} tags` : describe(tags);
  throw new Error(`${what} returned ${got}; return an array of at most ${MAX_TAGS} strings.`);
}

/** @throws Error that names the value, when it is not a string, or is empty. */
function checkTag(tag: unknown, what: string): string {
  if (typeof tag === "string" && tag !== "") return tag;
  throw new Error(`${what}: ${describe(tag)} is not a tag; give a string that is not empty.`);
}

/** The tag of a shared dependency: very many rows depend on it. */
export const sharedTag = (text: string): string => `dependency ${text}`;

/**
 * Whether a tag of a row, or of its shared dependencies, was invalidated after the snapshot that the row is computed
 * from.
 */
export async function isAnyInvalidated(db: AnyReader, view: ViewDefinition, row: Row): Promise<boolean> {
  const { args, asOf, tracked } = row;
  const tags = [...tagsOf(view, args), ...(tracked?.shared ?? []).map(sharedTag)];
  const bumps = await Promise.all(tags.map((tag) => findTag(db, tag)));
  // A tag that this transaction has invalidated gets its time when the transaction commits.
  return bumps.some((bump) => bump && (bump.bumpedAt instanceof CommitTsPlaceholder || bump.bumpedAt > asOf));
}

/**
 * Invalidates all rows that have a tag, by writing one document.
 *
 * @throws Error that names the value, when it is no tag.
 */
export async function invalidateTag(db: AnyWriter, given: unknown): Promise<void> {
  const tag = checkTag(given, "invalidateTag");
  const bump = await findTag(db, tag);
  const bumpedAt = db.vars.commitTs;
  if (bump?.bumpedAt instanceof CommitTsPlaceholder) return;
  if (bump) await lazyDb(db).patch("lazyTags", bump._id, { bumpedAt });
  else await lazyDb(db).insert("lazyTags", { tag, bumpedAt });
}

const findTag = (db: AnyReader, tag: string) => findBy(db, "lazyTags", "by_tag", { tag }).first();
