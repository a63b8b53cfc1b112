import type { ViewDefinition } from "../model/definition.js";
import type { Key } from "../model/row.js";
import type { Bounds, Row } from "../schema.js";
import { type Dependency, dependencyOn, type Equals, identityOf, keysTable, tableOf } from "./dependency.js";

/** A row has at most so many dependencies on one table. Beyond that, it depends on the table as a whole. */
const MAX_IN_TABLE = 100;

/**
 * Whether a view's dependencies are recorded: it is tracked, or it and one of its sources are of the mode
 * `transaction`.
 */
export function isRecorded({ isTracked, mode, sources, siblings }: ViewDefinition): boolean {
  const isView = (source: string) => siblings?.get(source)?.mode === "transaction";
  return isTracked || (mode === "transaction" && Object.keys(sources).some(isView));
}

/** Records what the compute of one row reads. */
export class Recorder {
  /** The views that this row is computed from, with their versions. */
  readonly over: Record<string, number> = {};
  /** Texts of shared dependencies, which very many rows have: rows do not register these. */
  readonly shared = new Set<string>();
  /** The error for a read that cannot be tracked, in case `compute` catches it. */
  untracked: Error | undefined;
  readonly #byTable = new Map<string, Map<string, Dependency>>();

  read(table: string, equals: Equals, bounds?: Bounds): void {
    this.add(dependencyOn(table, equals, bounds), table);
  }

  add({ text, bounds }: Dependency, table = tableOf(text)): void {
    const dependency = { text, ...(bounds && { bounds }) };
    const found = this.#byTable.get(table) ?? new Map<string, Dependency>();
    if (found.size <= MAX_IN_TABLE) this.#byTable.set(table, found.set(identityOf(dependency), dependency));
  }

  /** Records the read of a key of another view. */
  readView(view: ViewDefinition, key: Key): void {
    this.over[view.name] = view.version;
    this.read(keysTable(view), [["key", key.text]]);
  }

  /** Takes over what a row of another view depends on, which is read. */
  copy({ over = {}, shared = [] }: NonNullable<Row["tracked"]>): void {
    Object.assign(this.over, over);
    for (const text of shared) this.shared.add(text);
  }

  /** The tables that were read, and `view <name>` for keys of other views. */
  get tables(): Iterable<string> {
    return this.#byTable.keys();
  }

  /** The dependencies, without those that another one contains. */
  get dependencies(): Dependency[] {
    return [...this.#byTable].flatMap(([table, found]) => {
      const whole = dependencyOn(table, []);
      if (found.size > MAX_IN_TABLE || found.has(whole.text)) return [whole];
      return [...found.values()].filter(({ text, bounds }) => !bounds || !found.has(text));
    });
  }
}
