import type { LazyApp } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import { type Execution, findExecution } from "../model/execution.js";
import { findRow, type Key, toKey } from "../model/row.js";
import type { AnyMutationCtx } from "../schema.js";
import { keysFrom, type ToKeys } from "../staleness/sources.js";
import type { Document } from "../tracking/dependency.js";
import { isWanted } from "../views/read.js";
import { withExecution } from "./builders.js";

const MAX_KEYS = 500; // A transaction may schedule 1,000 jobs, and each key may need one.

export async function warmKeys(execution: Execution, view: ViewDefinition, keys: readonly unknown[]): Promise<void> {
  if (keys.length > MAX_KEYS) {
    throw new Error(`warm was given ${keys.length} keys; give at most ${MAX_KEYS}, or use warmEach.`);
  }
  for (const key of keys) await warm(execution, view, toKey(view, key));
}

/** Raises the recompute that a reader of the key would raise. */
async function warm(execution: Execution, view: ViewDefinition, key: Key): Promise<void> {
  const row = await findRow(execution.reader.db, view, key.text);
  if (await isWanted(execution.reader, view, row)) execution.raiseRecompute(view, key, row);
}

export function warmEach(app: LazyApp, view: ViewDefinition, source: string | ToKeys) {
  if (typeof source !== "function" && !Object.hasOwn(view.sources, source)) {
    const sources = Object.keys(view.sources).join(", ") || "none";
    const problem = `warmEach: "${source}" is no source of the view "${view.name}" (${sources}).`;
    throw new Error(`${problem} Give one of them, or a function: document → keys.`);
  }
  const toKeys = typeof source === "function" ? source : view.sources[source];
  const name = typeof source === "function" ? "warmEach" : `sources.${source}`;
  // A migration may handle the documents of a batch side by side; their effects are dispatched one after the other.
  const last = new WeakMap<object, Promise<unknown>>();
  return async (ctx: AnyMutationCtx, document: Document): Promise<void> => {
    const warmAll = async (execution: Execution) => {
      for (const key of keysFrom(view, document, toKeys, name)) await warm(execution, view, key);
    };
    const execution = findExecution(ctx);
    // A mutation of this library dispatches its effects at its end; for a plain one, they are dispatched here.
    if (execution?.app === app) return warmAll(execution);
    const before = last.get(ctx.db) ?? Promise.resolve();
    const own = before.then(() => withExecution(app, ctx, warmAll));
    const settled = own.catch(() => {});
    last.set(ctx.db, settled);
    await own;
  };
}
