import { compareValues } from "convex/values";
import type { Place } from "../../../examples/backend/readSet";
import { indexPlace, type Range } from "./ranges.js";
import type { Stored } from "./store.js";

/** The versions of a document, each with the commit that wrote it. */
export interface Record {
  id: string;
  versions: { commit: number; stored: Stored | null }[];
}

/** A document's place in an index, from one commit until before another. */
interface Entry {
  place: Place;
  record: Record;
  from: number;
  until: number;
}

/** One index: the places of all documents, past and present, in order. */
export class Index {
  private entries: Entry[];
  /** Each document's current place. */
  private readonly current = new Map<Record, Entry>();

  constructor(
    private readonly fields: readonly string[],
    records: Iterable<Record>,
  ) {
    this.entries = [];
    for (const record of records) {
      for (const { commit, stored } of record.versions) this.put(record, stored, commit);
    }
    this.entries.sort((a, b) => comparePlaces(a.place, b.place));
  }

  /** Adds a document's version of a commit. */
  keep(record: Record, stored: Stored | null, commit: number): void {
    const entry = this.put(record, stored, commit);
    if (entry === null) return;
    this.entries.pop();
    const at = this.firstWhere(({ place }) => comparePlaces(place, entry.place) > 0);
    this.entries.splice(at, 0, entry);
  }

  /** The documents of a range in its order, as a snapshot shows them. */
  *scan(range: Range, snapshot: number): Generator<Stored> {
    const begin = this.firstWhere(({ place }) => range.order(place) >= 0);
    const end = this.firstWhere(({ place }) => range.order(place) > 0);
    const count = end - begin;
    // A copy, since commits change the entries during the iteration.
    const entries = this.entries.slice(begin, end);
    for (let i = 0; i < count; i++) {
      const entry = entries[range.direction === "asc" ? i : count - 1 - i] as Entry;
      if (entry.from > snapshot || snapshot >= entry.until) continue;
      const stored = visible(entry.record, snapshot);
      if (stored !== null) yield stored;
    }
  }

  /** Forgets the places that only snapshots before this one show. */
  prune(snapshot: number): void {
    this.entries = this.entries.filter(({ until }) => until > snapshot);
  }

  /** @returns The entry that was added at the end; null when the document's place is the same. */
  private put(record: Record, stored: Stored | null, commit: number): Entry | null {
    const last = this.current.get(record);
    const place = stored === null ? null : indexPlace(stored.document, this.fields);
    if (last !== undefined) {
      if (place !== null && comparePlaces(last.place, place) === 0) return null;
      last.until = commit;
      this.current.delete(record);
    }
    if (place === null) return null;
    const entry = { place, record, from: commit, until: Number.POSITIVE_INFINITY };
    this.entries.push(entry);
    this.current.set(record, entry);
    return entry;
  }

  private firstWhere(holds: (entry: Entry) => boolean): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.entries[middle] as Entry)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** The document as a snapshot shows it. */
export function visible({ versions }: Record, snapshot: number): Stored | null {
  for (let i = versions.length - 1; i >= 0; i--) {
    const version = versions[i];
    if (version !== undefined && version.commit <= snapshot) return version.stored;
  }
  return null;
}

export function comparePlaces(a: Place, b: Place): number {
  for (const [i, value] of a.entries()) {
    const order = compareValues(value, b[i]);
    if (order !== 0) return order;
  }
  return 0;
}
