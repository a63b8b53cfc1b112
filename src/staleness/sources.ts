import { ConvexError } from "convex/values";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import { type Key, toKey } from "../model/row.js";
import type { AnyWriter } from "../schema.js";
import { describe, reasonOf } from "../values/describe.js";
import { applyToRow } from "./applyChange.js";
import { markKey, notMarked } from "./mark.js";
import { type Change, type Document, type Watch, watchDb, watchDbInTurn } from "./watch.js";

/** A key that a change concerns, with what of the change is the key's own. */
interface Concern {
  key: Key;
  before: Document;
  after: Document;
}

/** The database of a mutation, for the app: its changes reach the rows that they concern. */
export function watchedDbForApp(execution: MutationExecution): AnyWriter {
  return watchDb(execution.db, new SourceWatch(execution), execution.mutex);
}

/** The same for the library, which has its turn when it writes rows that may be sources of other views. */
export function watchedDb(execution: MutationExecution): AnyWriter {
  execution.watched ??= watchDbInTurn(execution.db, new SourceWatch(execution));
  return execution.watched;
}

/** Follows the changes of one mutation. */
class SourceWatch implements Watch {
  constructor(private readonly execution: MutationExecution) {}

  get tables() {
    return this.execution.app.dependents;
  }

  /**
   * A change concerns the keys of the old and of the new document, in every view that has the table as a source: their
   * rows are marked as out of date, or, where the view knows how, brought up to date.
   */
  async onChange(change: Change): Promise<void> {
    const { execution } = this;
    const { table } = change;
    try {
      for (const view of this.tables.get(table) ?? []) {
        for (const { key, before, after } of concerns(view, change)) {
          if (view.applyChange === undefined) await markKey(execution, view, key);
          else await applyToRow(execution, watchedDb(execution), view, key, { table, before, after });
        }
      }
    } catch (error) {
      execution.lostInvalidation ??= error;
      throw error;
    }
  }

  onLost(table: string, error: unknown): Error {
    const { execution } = this;
    const views = (this.tables.get(table) ?? []).map(({ name }) => `"${name}"`).join(", ");
    const what = `a document of "${table}", a source of ${views}, could not be read back`;
    const lost = notMarked(execution, what, error);
    execution.lostInvalidation ??= lost;
    return lost;
  }
}

function concerns(view: ViewDefinition, change: Change): Iterable<Concern> {
  const byText = new Map<string, Concern>();
  for (const side of ["before", "after"] as const) {
    const document = change[side];
    if (document === null) continue;
    for (const key of keysOf(view, change.table, document)) {
      const concern = byText.get(key.text) ?? { key, before: null, after: null };
      byText.set(key.text, { ...concern, [side]: document });
    }
  }
  return byText.values();
}

/**
 * The keys that depend on a document of a source.
 *
 * @throws Error naming the view and the document, when the view's function fails or returns no keys.
 */
export function keysOf(view: ViewDefinition, table: string, document: Document): Key[] {
  try {
    const keys = view.sources[table]?.(document as never);
    if (!Array.isArray(keys)) throw new Error(`returned ${describe(keys)}, not an array of keys`);
    return keys.map((key) => toKey(view, key));
  } catch (error) {
    if (error instanceof ConvexError) throw error;
    throw new Error(
      `view "${view.name}": sources.${table} failed for the document ${document?._id}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}
