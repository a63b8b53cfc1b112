import type { Value } from "convex/values";
import type { ViewDefinition } from "../model/definition.js";
import type { Key } from "../model/row.js";
import type { Document } from "../tracking/dependency.js";
import { reasonOf } from "../values/describe.js";
import { keysOf } from "./sources.js";

/** The library checks so many documents of a table in one compute. */
const MAX_LOOKS = 50;

/** A document that `compute` has read for a key, though its changes do not mark the row of that key. */
export interface Uncovered {
  /** The name of the view. */
  view: string;
  /** The key whose compute has read the document. */
  key: Value;
  /** The table of the document. Empty when it was read by its id alone, and is not in a source. */
  table: string;
  /** Its id. For a row of another view: the canonical text of that row's key. */
  document: string;
  /** What is wrong, with the remedy. */
  message: string;
}

/** Checks the documents that a compute reads: the declared sources should map each of them to the key. */
export class Coverage {
  /** The first uncovered document of each table. */
  readonly found = new Map<string, Uncovered>();
  readonly #looks = new Map<string, number>();

  constructor(
    private readonly view: ViewDefinition,
    private readonly key: Key,
  ) {}

  look(table: string, document: Document): void {
    const looks = this.#looks.get(table) ?? 0;
    this.#looks.set(table, looks + 1);
    if (looks >= MAX_LOOKS || !this.#isSource(table, document?._id)) return;
    let mapped: string;
    try {
      const keys = keysOf(this.view, table, document);
      if (keys.includes(this.key.text)) return;
      mapped = `maps to ${keys.join(", ") || "no key"}`;
    } catch (error) {
      mapped = `does not map to keys (${reasonOf(error)})`;
    }
    this.#add(table, document?._id, `which sources.${table} ${mapped}: map it to ${this.key.text} as well`);
  }

  /** `compute` has read a key of another view. */
  lookAtKey(view: string, key: string): void {
    this.#isSource(view, key);
  }

  #isSource(table: string, id: unknown): boolean {
    const { sources, tags, staleWhen } = this.view;
    const isKnown = Object.hasOwn(sources, table);
    // Tags, probes and ages may cover changes of tables that are not sources.
    const isToldOtherwise = tags || staleWhen.probes.length + staleWhen.ages.length > 0;
    if (!isKnown && !isToldOtherwise) {
      this.#add(table, id, `which is not one of its sources: add ${table || "its table"} to them`);
    }
    return isKnown;
  }

  #add(table: string, id: unknown, problem: string): void {
    if (this.found.has(table)) return;
    const { name, mode, applyChange } = this.view;
    const what = `the compute of ${this.key.text} reads the document ${id}${table && ` of "${table}"`}`;
    const canBeTracked = mode === "transaction" && !applyChange;
    const remedy = canBeTracked ? " Or leave out sources, so that what compute reads is tracked." : "";
    const message = `view "${name}": ${what}, ${problem}.${remedy}`;
    this.found.set(table, { view: name, key: this.key.args, table, document: String(id), message });
  }
}

let listener: ((uncovered: Uncovered) => void) | undefined;

/** From now on, recomputes check for uncovered documents, and report them to the listener. The test kit uses it. */
export function onUncovered(own: typeof listener): void {
  listener = own;
}

/** Computes a key. Where there is a listener and the view needs marks, it gets the uncovered documents. */
export async function covered<T>(view: ViewDefinition, key: Key, compute: (coverage?: Coverage) => Promise<T>) {
  if (!listener || view.isTracked || !view.staleWhen.asksMarks) return await compute();
  const coverage = new Coverage(view, key);
  const result = await compute(coverage);
  for (const uncovered of coverage.found.values()) listener(uncovered);
  return result;
}
