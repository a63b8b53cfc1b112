import { compareValues } from "convex/values";
import type { Place } from "../../../examples/backend/readSet";
import { indexPlace, type Range } from "./ranges.js";
import type { Stored } from "./store.js";

/** A document through time: what it was, from which commit on. */
export interface Record {
  id: string;
  versions: { commit: number; stored: Stored | null }[];
}

/** Where a document stood in an index, and from which commit to before which. */
interface Entry {
  place: Place;
  record: Record;
  from: number;
  until: number;
}

/** One index: the places of all documents, past and present, in order. */
export class Index {
  private entries: Entry[];
  /** Where each document stands now. */
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

  /** Takes in what a commit made of a document. */
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
    // What is committed meanwhile is not in the snapshot; a copy keeps the places apart from it.
    const entries = this.entries.slice(begin, end);
    for (let i = 0; i < count; i++) {
      const entry = entries[range.direction === "asc" ? i : count - 1 - i] as Entry;
      if (entry.from > snapshot || snapshot >= entry.until) continue;
      const stored = visible(entry.record, snapshot);
      if (stored !== null) yield stored;
    }
  }

  /** Forgets the places that no snapshot from this one on shows. */
  prune(snapshot: number): void {
    this.entries = this.entries.filter(({ until }) => until > snapshot);
  }

  /** @returns The entry that was added at the end; null when the document stands where it stood. */
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
