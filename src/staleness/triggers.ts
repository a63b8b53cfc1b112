import type { GenericDataModel } from "convex/server";
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
      const marks = findLazyContext(ctx)?.marks ?? new Marks();
      for (const key of changedKeys(view, table, toKeys, change)) {
        await invalidateKey(ctx.innerDb, view, key, marks);
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
      throw new Error(
        `view "${view.name}": sources.${table} failed for the document ${id}: ` +
          `${error instanceof Error ? error.message : error}`,
        { cause: error },
      );
    }
  }
  return [...byText.values()];
}
