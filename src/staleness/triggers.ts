import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import { ConvexError } from "convex/values";
import type { Change, Triggers } from "convex-helpers/server/triggers";
import { describe } from "../effects/canonical.js";
import { findLazyContext } from "../views/context.js";
import type { ViewDefinition } from "../views/definition.js";
import { type Key, toKey } from "../views/keys.js";
import { invalidateKey } from "./invalidate.js";
import { Marks } from "./marks.js";

/**
 * Registers a trigger for each source table of a view: it invalidates the keys of the old and of the new document
 * of every change, so that a document that moves from one key to another dirties both.
 */
export function registerSources(triggers: Triggers<GenericDataModel>, view: ViewDefinition): void {
  for (const [table, toKeys] of Object.entries(view.sources)) {
    triggers.register(table, async (ctx, change) => {
      const lazy = findLazyContext(ctx);
      try {
        for (const key of changedKeys(view, table, toKeys, change)) {
          await invalidateKey(ctx.innerDb, view, key, lazy?.marks ?? new Marks());
        }
      } catch (error) {
        if (lazy !== undefined) lazy.lostInvalidation ??= error;
        throw error;
      }
    });
  }
}

function changedKeys(
  view: ViewDefinition,
  table: string,
  toKeys: (doc: never) => unknown,
  { oldDoc, newDoc, id }: Change<GenericDataModel, string>,
): Key[] {
  const byText = new Map<string, Key>();
  for (const doc of [oldDoc, newDoc]) {
    if (doc === null) continue;
    try {
      const keys = toKeys(doc as never);
      if (!Array.isArray(keys)) throw new Error(`returned ${describe(keys)}, not an array of keys`);
      for (const rawKey of keys) {
        const key = toKey(view, rawKey);
        byText.set(key.text, key);
      }
    } catch (error) {
      if (error instanceof ConvexError) throw error;
      throw new Error(
        `view "${view.name}": sources.${table} failed for the document ${id}: ` +
          `${error instanceof Error ? error.message : error}`,
        { cause: error },
      );
    }
  }
  return [...byText.values()];
}

/**
 * The ctx of a mutation with triggers. `Triggers` reads a document before and after every write that names its table;
 * writes to tables that have no triggers are spared that.
 */
export function withTriggers<Ctx extends GenericMutationCtx<GenericDataModel>>(
  triggers: Triggers<GenericDataModel>,
  ctx: Ctx,
): Ctx {
  const wrapped = triggers.wrapDB(ctx);
  const route =
    (name: "patch" | "replace" | "delete", argumentsWithTable: number) =>
    (...args: unknown[]) => {
      const isSpared = args.length === argumentsWithTable && !triggers.registered[String(args[0])];
      const db = isSpared ? ctx.db : wrapped.db;
      return (db[name] as (...args: unknown[]) => unknown).apply(db, args);
    };
  const db = {
    ...wrapped.db,
    patch: route("patch", 3),
    replace: route("replace", 3),
    delete: route("delete", 2),
  };
  return { ...wrapped, db: db as Ctx["db"] };
}
