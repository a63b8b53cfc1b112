import type { GenericDataModel, GenericMutationCtx } from "convex/server";
import { ConvexError } from "convex/values";
import type { Change, Trigger, Triggers } from "convex-helpers/server/triggers";
import { describe } from "../effects/canonical.js";
import { findLazyContext } from "../views/context.js";
import type { ViewDefinition } from "../views/definition.js";
import { type Key, toKey } from "../views/keys.js";
import { applyToRow } from "./applyChange.js";
import { CreationTimeUnknown } from "./frugalWriter.js";
import { invalidateKey } from "./invalidate.js";
import { Marks } from "./marks.js";

type AnyTrigger = Trigger<GenericMutationCtx<GenericDataModel>, GenericDataModel, string>;
type AnyChange = Change<GenericDataModel, string>;
type Document = AnyChange["oldDoc"];

/** A key that a change concerns, with what of the change is the key's own. */
interface Concern {
  key: Key;
  before: Document;
  after: Document;
}

/** The triggers that were registered here: they can do without the `_creationTime` of a new document. */
const frugal = new WeakSet<AnyTrigger>();

/**
 * Registers a trigger for each source table of a view. A change concerns the keys of the old and of the new document,
 * so a document that moves from one key to another concerns both: their rows are marked as out of date, or, where the
 * view knows how, brought up to date.
 */
export function registerSources(triggers: Triggers<GenericDataModel>, view: ViewDefinition): void {
  for (const table of Object.keys(view.sources)) {
    const trigger: AnyTrigger = async (ctx, change) => {
      const lazy = findLazyContext(ctx);
      const invalidation = lazy ?? { marks: new Marks() };
      const ask = asking(change, () => ctx.innerDb.get(table, change.id));
      try {
        for (const concern of await ask((known) => concerns(view, table, known))) {
          const { key } = concern;
          const { applyChange } = view;
          if (applyChange === undefined) {
            await invalidateKey(ctx.innerDb, view, key, invalidation);
            continue;
          }
          const apply = (value: unknown) =>
            ask(({ newDoc }) => {
              const after = concern.after && newDoc;
              const own = { table, before: concern.before, after };
              return applyChange(value as never, own as never, key.args as never);
            });
          // Views whose source is this one are told by triggers, which cost a read.
          const writer = triggers.registered[view.name] ? ctx.db : ctx.innerDb;
          await applyToRow({ reader: ctx.innerDb, writer }, view, key, apply, invalidation);
        }
      } catch (error) {
        if (lazy !== undefined) lazy.lostInvalidation ??= error;
        throw error;
      }
    };
    frugal.add(trigger);
    triggers.register(table, trigger);
  }
}

/** Whether all triggers of a table can do without the `_creationTime` of a new document. */
export function isFrugal(triggers: Triggers<GenericDataModel>, table: string): boolean {
  return (triggers.registered[table] ?? []).every((trigger) => frugal.has(trigger as AnyTrigger));
}

/** Asks a question of a change; one that turns out to be about the creation time is asked again with what is stored. */
function asking(change: AnyChange, load: () => Promise<Document>) {
  let known = change;
  return async <Answer>(question: (known: AnyChange) => Answer): Promise<Answer> => {
    try {
      return question(known);
    } catch (error) {
      if (!(error instanceof CreationTimeUnknown)) throw error;
      known = { ...change, newDoc: await load() } as AnyChange;
      return question(known);
    }
  };
}

function concerns(
  view: ViewDefinition,
  table: string,
  { oldDoc, newDoc, id }: AnyChange,
): Concern[] {
  const byText = new Map<string, Concern>();
  for (const [side, document] of [
    ["before", oldDoc],
    ["after", newDoc],
  ] as const) {
    if (document === null) continue;
    for (const key of keysOf(view, table, document, id)) {
      const concern = byText.get(key.text) ?? { key, before: null, after: null };
      byText.set(key.text, { ...concern, [side]: document });
    }
  }
  return [...byText.values()];
}

function keysOf(
  view: ViewDefinition,
  table: string,
  document: NonNullable<Document>,
  id: string,
): Key[] {
  try {
    const keys = view.sources[table]?.(document as never);
    if (!Array.isArray(keys)) throw new Error(`returned ${describe(keys)}, not an array of keys`);
    return keys.map((key) => toKey(view, key));
  } catch (error) {
    if (error instanceof ConvexError || error instanceof CreationTimeUnknown) throw error;
    throw new Error(
      `view "${view.name}": sources.${table} failed for the document ${id}: ` +
        `${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
}
