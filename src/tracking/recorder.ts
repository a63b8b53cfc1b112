import type { ViewDefinition } from "../model/definition.js";
import type { Key } from "../model/row.js";
import type { Bounds, Row } from "../schema.js";
import { type Dependency, dependencyOn, type Equals, identityOf, keysTable, tableOf } from "./dependency.js";

/** Dependencies of one row on one table; of more, the table as a whole is the dependency. */
const MAX_IN_TABLE = 100;

/** Whether what a row depends on is recorded: what `compute` reads, or what the views depend on that are its sources. */
export function isRecorded({ isTracked, mode, sources, siblings }: ViewDefinition): boolean {
  const isView = (source: string) => siblings?.get(source)?.mode === "transaction";
  return isTracked || (mode === "transaction" && Object.keys(sources).some(isView));
}

/** Records what the compute of one row reads. */
export class Recorder {
  /** The versions of the views under this row. */
  readonly over: Record<string, number> = {};
  /** Texts of dependencies that so many rows share that they do not register. */
  readonly shared = new Set<string>();
  /** The error about what cannot be tracked, in case `compute` catches it. */
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

  /** A key of another view is read. */
  readView(view: ViewDefinition, key: Key): void {
    this.over[view.name] = view.version;
    this.read(keysTable(view), [["key", key.text]]);
  }

  /** A row of another view is read that depends on this. */
  copy({ over = {}, shared = [] }: NonNullable<Row["tracked"]>): void {
    Object.assign(this.over, over);
    for (const text of shared) this.shared.add(text);
  }

  /** The tables that were read; and `view <name>` for keys of other views. */
  get tables(): Iterable<string> {
    return this.#byTable.keys();
  }

  /** What was read, without what is a part of something else that was read. */
  get dependencies(): Dependency[] {
    return [...this.#byTable].flatMap(([table, found]) => {
      const whole = dependencyOn(table, []);
      if (found.size > MAX_IN_TABLE || found.has(whole.text)) return [whole];
      return [...found.values()].filter(({ text, bounds }) => !bounds || !found.has(text));
    });
  }
}
