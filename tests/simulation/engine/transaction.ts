import type { TransactionLimits } from "convex/server";
import { convexToJson, type Value } from "convex/values";
import {
  decodeCursor,
  END_CURSOR,
  pageInterval,
  type SerializedQuery,
  streamInterval,
} from "../../../examples/backend/intervals";
import { type Change, type Document, type Interval, type Place, ReadSet } from "../../../examples/backend/readSet";
import { comparePlaces } from "./indexes.js";
import { indexPlace, rangeOf } from "./ranges.js";
import { type Commit, resolvePending, type Store, type Stored, sizeOf } from "./store.js";
import { Usage } from "./usage.js";
import { misfit } from "./validators.js";

/** Stands for the app's code as a document that every transaction reads. */
export const CODE = { id: "0_code", table: "_code" };

type Writes = Map<string, { table: string; id: string; stored: Stored | null }>;

/** A query that is being iterated. Its results so far determine how far its range was read. */
export interface Stream {
  query: SerializedQuery;
  results: Iterator<Stored> | null;
  last: Stored | null;
  given: number;
  done: boolean;
}

/** A page of a paginated query. */
interface Page {
  documents: Stored[];
  isDone: boolean;
  continueCursor: string;
}

/** Why a transaction could not commit: another transaction's write since its snapshot. */
export interface Conflict {
  commit: Commit;
  change: Change;
}

/**
 * A transaction: a snapshot, its reads, and its writes. A sub-transaction adds a layer of writes, which is removed when
 * it is rolled back.
 */
export class Transaction {
  usage = Usage.ofTransaction();
  private readonly layers: Writes[] = [new Map()];
  private readonly outer: Usage[] = [];
  private readonly documents = new Set([CODE.id]);
  private readonly streams: Stream[] = [];
  private readonly pages: Interval[] = [];

  /**
   * @param snapshot - It sees the commits up to this number.
   * @param now - When it began. Time does not pass inside.
   */
  constructor(
    private readonly store: Store,
    readonly snapshot: number,
    readonly now: number,
  ) {}

  get ts(): bigint {
    return this.store.timestampOf(this.snapshot);
  }

  get(table: string, id: string): Stored | null {
    this.documents.add(id);
    this.usage.add("databaseQueries", 1);
    return this.track(this.look(table, id));
  }

  startQuery(query: SerializedQuery): Stream {
    this.usage.add("databaseQueries", 1);
    const stream = { query, results: null, last: null, given: 0, done: false };
    this.streams.push(stream);
    return stream;
  }

  next(stream: Stream): Stored | null {
    stream.results ??= this.evaluate(stream.query);
    const next = stream.results.next();
    if (next.done === true) {
      stream.done = true;
      return null;
    }
    stream.given++;
    stream.last = next.value;
    return this.track(next.value);
  }

  /** At most so many documents after a cursor, and the cursor after them. */
  page(query: SerializedQuery, cursor: string | null, size: number): Page {
    this.usage.add("databaseQueries", 1);
    const { fields } = rangeOf(this.store, query);
    const documents: Stored[] = [];
    const isBehind = cursor === null ? () => true : behind(query, fields, cursor);
    const found = this.evaluate(query);
    let next = found.next();
    for (; next.done !== true && documents.length < size; next = found.next()) {
      if (isBehind(next.value)) documents.push(this.track(next.value) as Stored);
    }
    const isDone = next.done === true;
    const last = documents.at(-1);
    const continueCursor = isDone || last === undefined ? END_CURSOR : cursorOf(indexPlace(last.document, fields));
    const reach = { cursor, endCursor: null, isDone, continueCursor };
    const interval = pageInterval(this.store.schema, query, reach);
    if (interval !== null) this.pages.push(interval);
    return { documents, isDone, continueCursor };
  }

  insert(table: string, fields: { [name: string]: Value }): Stored {
    return this.write(table, this.store.create(table, fields, this.now));
  }

  /** @throws Error when there is no such document, or it does not fit the schema afterwards. */
  change(table: string, id: string, change: (document: Document) => Document): Stored {
    this.documents.add(id);
    const stored = this.track(this.look(table, id));
    if (stored === null) throw new Error(`There is no document ${id} to be changed.`);
    const { _id, _creationTime } = stored.document as { [name: string]: Value };
    return this.write(table, { ...change(stored.document), _id, _creationTime } as Document);
  }

  remove(table: string, id: string): void {
    this.documents.add(id);
    if (this.track(this.look(table, id)) === null) {
      throw new Error(`There is no document ${id} to be deleted.`);
    }
    this.usage.add("documentsWritten", 1);
    this.top.set(id, { table, id, stored: null });
  }

  begin(limits: TransactionLimits | undefined): void {
    this.layers.push(new Map());
    this.outer.push(this.usage);
    this.usage = this.usage.nested(limits);
  }

  /** Ends a sub-transaction. */
  end(isCommitted: boolean): void {
    const layer = this.layers.pop() as Writes;
    const outer = this.outer.pop() as Usage;
    outer.take(this.usage, isCommitted);
    this.usage = outer;
    if (isCommitted) for (const [id, write] of layer) this.top.set(id, write);
  }

  /** The ranges and documents that it depends on. */
  reads(): ReadSet {
    const intervals = this.streams.map(({ query, last, given, done }) => {
      const read = { count: given, last: last?.document ?? null, done };
      return streamInterval(this.store.schema, query, read);
    });
    const read = intervals.filter((interval) => interval !== null);
    return new ReadSet(this.documents, [...read, ...this.pages]);
  }

  /**
   * Commits, unless something that it read was written since its snapshot. A transaction without writes never conflicts.
   */
  commit(path: string, committedAt: number): Commit | Conflict | null {
    if (this.top.size === 0) return null;
    const reads = this.reads();
    for (const commit of this.store.commits.slice(this.snapshot)) {
      const change = commit.changes.find((each) => reads.intersects([each]));
      if (change !== undefined) return { commit, change };
    }
    return this.store.commit(this.top.values(), { path, begunAt: this.now, committedAt });
  }

  private get top(): Writes {
    return this.layers.at(-1) as Writes;
  }

  private look(table: string, id: string): Stored | null {
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const write = this.layers[i]?.get(id);
      if (write !== undefined) return write.stored;
    }
    return this.store.get(table, id, this.snapshot);
  }

  /** The results of a query: from the snapshot, and from this transaction's writes so far. */
  private *evaluate(query: SerializedQuery): Generator<Stored> {
    const range = rangeOf(this.store, query);
    const written = new Map(this.layers.flatMap((layer) => [...layer]));
    const placed = (stored: Stored) => ({
      stored,
      place: indexPlace(stored.document, range.fields),
    });
    const sign = range.direction === "asc" ? 1 : -1;
    const own = [...written.values()]
      .flatMap(({ table, stored }) => (table === range.table && stored ? [placed(stored)] : []))
      .filter(({ place }) => range.order(place) === 0)
      .sort((a, b) => sign * comparePlaces(a.place, b.place));
    let left = range.limit;
    for (const stored of this.store.range(range, this.snapshot)) {
      if (written.has(stored.document._id as string)) continue;
      while (left > 0 && own[0] !== undefined) {
        if (sign * comparePlaces(own[0].place, placed(stored).place) > 0) break;
        left--;
        yield (own.shift() as (typeof own)[0]).stored;
      }
      if (left-- <= 0) return;
      yield stored;
    }
    for (const { stored } of own) {
      if (left-- <= 0) return;
      yield stored;
    }
  }

  private track(stored: Stored | null): Stored | null {
    if (stored === null) return null;
    if (isSystem(stored.document)) return stored;
    this.usage.add("documentsRead", 1);
    this.usage.add("bytesRead", sizeOf(stored));
    return stored;
  }

  private write(table: string, document: Document): Stored {
    const validator = this.store.validatorOf(table);
    if (validator !== null) {
      const { _id, _creationTime, ...fields } = document;
      const wrong = misfit(validator, resolvePending(fields, this.ts));
      if (wrong !== null) throw new Error(`A document of "${table}" does not fit: ${wrong}`);
    }
    const stored = { document };
    if (!isSystem(document)) {
      this.usage.add("documentsWritten", 1);
      this.usage.add("bytesWritten", sizeOf(stored));
    }
    this.top.set(document._id as string, { table, id: document._id as string, stored });
    return stored;
  }
}

/** Whether a document comes after the one that a cursor names. */
function behind(query: SerializedQuery, fields: readonly string[], cursor: string) {
  if (cursor === END_CURSOR) return () => false;
  const sign = (query.source.type === "Search" ? null : query.source.order) === "desc" ? -1 : 1;
  const place = decodeCursor(cursor);
  return ({ document }: Stored) => sign * comparePlaces(indexPlace(document, fields), place) > 0;
}

/** A cursor holds the place of the last document, value by value. */
function cursorOf(place: Place): string {
  const parts = place.map((value) => (value === undefined ? null : JSON.stringify(convexToJson(value))));
  return JSON.stringify(parts);
}

/** Documents of the system's tables, such as scheduled functions, are not counted. */
function isSystem({ _id }: Document): boolean {
  return /^\d+_/.test(_id as string);
}
