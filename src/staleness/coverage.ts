import type { Value } from "convex/values";
import type { ViewDefinition } from "../model/definition.js";
import type { Key } from "../model/row.js";
import { ANY_TABLE, type Document } from "../tracking/dependency.js";
import { keysOf } from "./sources.js";

/** Documents of one table that are looked at in one compute. */
const MAX_LOOKS = 50;

/** A document that `compute` has read for a key, and whose changes do not mark the key's row; with the remedy. */
export interface Uncovered {
  view: string;
  key: Value;
  table: string;
  /** Its id; of a row of another view, that row's key as text. */
  document: string;
  message: string;
}

/** Looks at the documents that a compute reads: the declared sources should map each of them to its key. */
export class Coverage {
  /** The first of each table. */
  readonly found = new Map<string, Uncovered>();
  readonly #looks = new Map<string, number>();

  constructor(
    private readonly view: ViewDefinition,
    private readonly key: Key,
  ) {}

  look(table: string, document: Document): void {
    const looks = this.#looks.get(table) ?? 0;
    this.#looks.set(table, looks + 1);
    if (looks === MAX_LOOKS || !this.#isSource(table, document?._id)) return;
    const keys = keysOf(this.view, table, document).map(({ text }) => text);
    if (keys.includes(this.key.text)) return;
    const mapped = keys.join(", ") || "no key";
    this.#add(table, document?._id, `which sources.${table} maps to ${mapped}: map it to ${this.key.text} as well`);
  }

  /** A key of another view. */
  lookAtKey(view: string, key: string): void {
    this.#isSource(view, key);
  }

  #isSource(table: string, id: unknown): boolean {
    const isKnown = Object.hasOwn(this.view.sources, table);
    if (!isKnown) this.#add(table, id, `which is none of its sources: add ${table} to them`);
    return isKnown;
  }

  #add(table: string, id: unknown, problem: string): void {
    if (table === ANY_TABLE || this.found.has(table)) return;
    const { name } = this.view;
    const message =
      `view "${name}": the compute of ${this.key.text} reads the document ${id} of "${table}", ${problem}. ` +
      "Or leave out sources, so that what compute reads is tracked.";
    this.found.set(table, { view: name, key: this.key.args, table, document: String(id), message });
  }
}

type Listener = (uncovered: Uncovered) => void;
let listener: Listener | undefined;

/** Lets recomputes look for uncovered documents from now on, which they else do not: for the test kit. */
export function onUncovered(own: Listener): void {
  listener = own;
}

export function uncoveredListener(): Listener | undefined {
  return listener;
}
