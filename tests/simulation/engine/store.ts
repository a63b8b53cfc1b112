import type { GenericSchema, SchemaDefinition } from "convex/server";
import { CommitTsPlaceholder, convexToJson, getDocumentSize, type ValidatorJSON, type Value } from "convex/values";
import type { Change, Document } from "../../../examples/backend/readSet";
import { Index, type Record, visible } from "./indexes.js";
import type { Range } from "./ranges.js";

export type Schema = SchemaDefinition<GenericSchema, boolean>;

/** A stored document. Its encoding and its size are computed when they are first needed. */
export interface Stored {
  document: Document;
  json?: string;
  size?: number;
}

/** The changes of one transaction. */
export interface Commit {
  /** Its place in the order of commits. A snapshot shows the commits up to a number. */
  number: number;
  /** Nanoseconds since 1970. */
  ts: bigint;
  /** The time at which its transaction began, and at which it committed, in ms since 1970. */
  begunAt: number;
  committedAt: number;
  /** Function path of the transaction. */
  path: string;
  changes: Change[];
}

/** The documents of a table, and the indexes that were used so far. */
interface Table {
  records: Map<string, Record>;
  indexes: Map<string, Index>;
}

/** All versions of all documents, by the commits that wrote them. */
export class Store {
  readonly commits: Commit[] = [];
  private readonly tables = new Map<string, Table>();
  private readonly indexes = new Map<string, readonly string[]>();
  private readonly validators = new Map<string, ValidatorJSON | null>();
  private documentsMade = 10_000;
  private lastCreationTime = 0;

  constructor(readonly schema: Schema) {}

  /** The number of the last commit. */
  get latest(): number {
    return this.commits.length;
  }

  /** The timestamp of a snapshot. */
  timestampOf(snapshot: number): bigint {
    return this.commits[snapshot - 1]?.ts ?? 0n;
  }

  /** The validator of a table's documents; null for tables of the system. */
  validatorOf(table: string): ValidatorJSON | null {
    let validator = this.validators.get(table);
    if (validator === undefined) {
      const definition: unknown = this.schema.tables[table];
      validator = (definition as { validator: { json: ValidatorJSON } } | undefined)?.validator.json ?? null;
      this.validators.set(table, validator);
    }
    return validator;
  }

  /** The fields of an index, including those that make every document's place unique. */
  indexFields(table: string, index: string): readonly string[] {
    const name = `${table}.${index}`;
    let fields = this.indexes.get(name);
    if (fields === undefined) {
      fields = this.findIndex(table, index);
      this.indexes.set(name, fields);
    }
    return fields;
  }

  get(table: string, id: string, snapshot: number): Stored | null {
    const record = this.tables.get(table)?.records.get(id);
    return record === undefined ? null : visible(record, snapshot);
  }

  /** The documents of a table, as a snapshot shows them. */
  *scan(table: string, snapshot: number): Generator<Stored> {
    for (const record of this.tables.get(table)?.records.values() ?? []) {
      const stored = visible(record, snapshot);
      if (stored !== null) yield stored;
    }
  }

  /** The documents of a range in its order, as a snapshot shows them. */
  range(range: Range, snapshot: number): Iterable<Stored> {
    const { records, indexes } = this.tableOf(range.table);
    let index = indexes.get(range.index);
    if (index === undefined) {
      index = new Index(range.fields, records.values());
      indexes.set(range.index, index);
    }
    return index.scan(range, snapshot);
  }

  /** Forgets the versions that only snapshots before this one show. */
  prune(snapshot: number): void {
    for (const { records, indexes } of this.tables.values()) {
      for (const record of records.values()) {
        const kept = record.versions.findLastIndex(({ commit }) => commit <= snapshot);
        if (kept > 0) record.versions.splice(0, kept);
      }
      for (const index of indexes.values()) index.prune(snapshot);
    }
  }

  /** Makes a document, which no transaction sees before it is committed. */
  create(table: string, fields: { [name: string]: Value }, now: number): Document {
    this.lastCreationTime = now <= this.lastCreationTime ? this.lastCreationTime + 0.001 : now;
    const _id = `${this.documentsMade++}${table}`;
    return { ...fields, _id, _creationTime: this.lastCreationTime };
  }

  /** Makes writes visible, at a new timestamp. */
  commit(
    writes: Iterable<{ table: string; id: string; stored: Stored | null }>,
    { path, begunAt, committedAt }: { path: string; begunAt: number; committedAt: number },
  ): Commit {
    const time = BigInt(Math.floor(committedAt)) * 1_000_000n;
    const last = this.timestampOf(this.latest);
    const ts = time > last ? time : last + 1n;
    const number = this.latest + 1;
    const changes: Change[] = [];
    for (const { table, id, stored } of writes) {
      const before = this.get(table, id, this.latest);
      if (before === null && stored === null) continue;
      const after = stored === null ? null : resolved(stored, ts);
      changes.push({ id, table, before: before?.document ?? null, after: after?.document ?? null });
      this.keep(table, id, { commit: number, stored: after });
    }
    const commit = { number, ts, begunAt, committedAt, path, changes };
    this.commits.push(commit);
    return commit;
  }

  private keep(table: string, id: string, version: Record["versions"][number]): void {
    const { records, indexes } = this.tableOf(table);
    let record = records.get(id);
    if (record === undefined) {
      record = { id, versions: [] };
      records.set(id, record);
    }
    record.versions.push(version);
    for (const index of indexes.values()) index.keep(record, version.stored, version.commit);
  }

  private tableOf(name: string): Table {
    let table = this.tables.get(name);
    if (table === undefined) {
      table = { records: new Map(), indexes: new Map() };
      this.tables.set(name, table);
    }
    return table;
  }

  private findIndex(table: string, index: string): readonly string[] {
    if (index === "by_id") return ["_id"];
    if (index === "by_creation_time") return ["_creationTime", "_id"];
    const declared = this.schema.tables[table]?.[" indexes"]();
    const fields = declared?.find(({ indexDescriptor }) => indexDescriptor === index)?.fields;
    if (fields === undefined) throw new Error(`The schema has no index "${index}" of "${table}".`);
    return [...fields, "_creationTime", "_id"];
  }
}

/** The document as it is committed: the placeholder of its commit's timestamp is replaced. */
function resolved(stored: Stored, ts: bigint): Stored {
  const document = resolvePending(stored.document, ts) as Document;
  return document === stored.document ? stored : { document };
}

/** @returns The same object when it has no placeholder of a commit timestamp. */
export function resolvePending(value: Value, ts: bigint): Value {
  if ((value as unknown) instanceof CommitTsPlaceholder) return ts;
  if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) return value;
  const entries = Object.entries(value as { [name: string]: Value });
  const next = entries.map(([name, item]) => [name, resolvePending(item, ts)] as const);
  if (next.every(([, item], i) => item === entries[i]?.[1])) return value;
  return Array.isArray(value) ? next.map(([, item]) => item) : Object.fromEntries(next);
}

/** The encoding of a document in the answers of system calls. */
export function encoded(stored: Stored | null): string {
  if (stored === null) return "null";
  stored.json ??= JSON.stringify(convexToJson(stored.document));
  return stored.json;
}

/** The size of a document in bytes, as Convex counts it. */
export function sizeOf(stored: Stored): number {
  stored.size ??= getDocumentSize(stored.document);
  return stored.size;
}
