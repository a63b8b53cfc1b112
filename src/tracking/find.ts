import type { MutationExecution } from "../model/execution.js";
import type { LazyReader, LazyWriter, StoredDependency } from "../schema.js";
import { type Document, isWithin, shapeOf, tableOf, textFor } from "./dependency.js";

/** A document before and after a write, or the key of a view that a change concerns. */
export type Sides = { before: Document; after: Document };

/** The rows that depend on what a change changes, and the texts of dependencies that very many rows share. */
export async function dependentsOf(execution: MutationExecution, shapes: string[], { before, after }: Sides) {
  const rows = new Set<StoredDependency>();
  const shared = new Set<string>();
  for (const shape of shapes) {
    // No row can have asked for the id of a document that is new.
    if (before === null && shape.endsWith(',"_id"]')) continue;
    for (const side of [before, after].filter((side) => side !== null)) {
      const text = textFor(shape, side);
      for (const found of text === undefined ? [] : await rowsWith(execution, text)) {
        if (found.view === "") shared.add(found.text);
        else if (isWithin(found.bounds, side)) rows.add(found);
      }
    }
  }
  return { rows, shared };
}

/** The registered rows of a dependency. A mutation that is about to run out of index ranges reads those of its shape. */
export async function rowsWith(execution: MutationExecution, text: string): Promise<readonly StoredDependency[]> {
  const { dependents, ledger } = execution;
  const shape = shapeOf(text);
  if (!dependents.has(text) && !dependents.has(shape) && (await execution.isShortOfRanges())) {
    const all = await execution.readWhole(ofShape(ledger.db, shape));
    for (const each of all ?? []) dependents.set(each.text, []);
    for (const each of all ?? []) dependents.get(each.text)?.push(each);
    if (all) dependents.set(shape, []);
  }
  let found = dependents.get(text) ?? dependents.get(shape);
  if (found) return found;
  found = await ledger.db
    .query("lazyDependencies")
    .withIndex("by_text", (q) => q.eq("text", text))
    .collect();
  dependents.set(text, found);
  return found;
}

/** The shapes of the dependencies on tables. */
export async function shapesOn(execution: MutationExecution, ...tables: string[]): Promise<string[]> {
  return (await readShapes(execution)).filter((shape) => tables.includes(tableOf(shape)));
}

/** The tables that rows depend on. */
export async function trackedTables(execution: MutationExecution): Promise<string[]> {
  const tables = (await readShapes(execution)).map(tableOf);
  return [...new Set(tables)].filter((table) => /^\w+$/.test(table));
}

/** Lets writes look for dependencies of these shapes. */
export async function learnShapes(execution: MutationExecution, shapes: readonly string[]): Promise<void> {
  const known = await readShapes(execution);
  const all = new Set([...known, ...shapes]);
  if (all.size === known.length) return;
  const { db } = execution.ledger;
  const stored = await db.query("lazyShapes").first();
  if (stored) await db.patch("lazyShapes", stored._id, { shapes: [...all] });
  else await db.insert("lazyShapes", { shapes: [...all] });
  execution.shapes = undefined;
}

/** Forgets the shapes that no dependency has any more: each costs each write of its table a range. */
export async function dropShapes(db: LazyWriter): Promise<void> {
  const stored = await db.query("lazyShapes").first();
  if (!stored) return;
  const found = await Promise.all(stored.shapes.map((shape) => ofShape(db, shape).first()));
  const shapes = stored.shapes.filter((_, i) => found[i]);
  if (shapes.length < stored.shapes.length) await db.patch("lazyShapes", stored._id, { shapes });
}

function ofShape(db: LazyReader, shape: string) {
  // The values follow after a line break, whose next character is this one.
  return db.query("lazyDependencies").withIndex("by_text", (q) => q.gte("text", shape).lt("text", `${shape}\u000b`));
}

async function readShapes(execution: MutationExecution): Promise<readonly string[]> {
  if (!execution.app.isTracking) return [];
  execution.shapes ??= execution.ledger.db
    .query("lazyShapes")
    .first()
    .then((found) => found?.shapes ?? []);
  return await execution.shapes;
}
