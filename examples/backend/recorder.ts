/**
 * Records what Convex functions read and write under `convex-test`.
 *
 * It stands between the functions and `globalThis.Convex`, the table of system calls that
 * `convexTest()` installs, and passes every call on unchanged. What is recorded belongs to
 * the `Recording` that the calling code runs under; other code is not slowed down.
 *
 * ```ts
 * const t = convexTest(schema, modules);
 * const recording = new Recording(schema);
 * await recording.observe(() => t.query(api.stats.get, { airport: "SFO" }));
 * recording.usage(); // { documentsRead: 1, documentsWritten: 0, indexRanges: 1, … }
 * ```
 */
import type { GenericSchema, SchemaDefinition } from "convex/server";
import { getDocumentSize, type JSONValue, jsonToConvex } from "convex/values";
import {
  type PageReach,
  pageInterval,
  type SerializedQuery,
  streamInterval,
  wholeTable,
} from "./intervals";
import { type Change, type Document, type Interval, ReadSet } from "./readSet";
import { calls, install, type Scope, type Syscalls, scopes } from "./syscalls";

/** What one recording counted. */
export interface Usage {
  /** Distinct documents that the functions received. Those that a `filter` dropped are not seen. */
  documentsRead: number;
  /** Distinct documents inserted, changed or deleted, also when that was rolled back. */
  documentsWritten: number;
  /** Index ranges that were read; a `get` is one too. */
  indexRanges: number;
  /** Size of the distinct documents read, in bytes, as Convex measures documents. */
  bytesRead: number;
  /** Size of the documents written, each as it was last written, in bytes. */
  bytesWritten: number;
}

/** A query that is being iterated. `answers` stay encoded: most are never looked at again. */
interface Stream {
  query: SerializedQuery;
  depends: boolean;
  answers: string[];
  done: boolean;
}

interface Page {
  query: SerializedQuery;
  depends: boolean;
  reach: PageReach;
  documents: JSONValue[];
}

/**
 * A written document as the recording first found it and last left it. Encoded documents
 * are equal when they are the same text, since their fields are sorted.
 */
interface Image {
  before: string;
  after: string;
}

/** What the functions that ran under `observe` read and wrote. */
export class Recording {
  private readonly gets: { id: string; depends: boolean; answer: string }[] = [];
  private readonly streams = new Map<number, Stream>();
  private readonly pages: Page[] = [];
  private readonly counts: { table: string; depends: boolean }[] = [];
  private readonly images = new Map<string, Image>();
  private rolledBack = false;

  /** @param schema names the fields of each index, which decide what a range holds. */
  constructor(private readonly schema: SchemaDefinition<GenericSchema, boolean>) {}

  /**
   * Runs `work` and records the database calls made in it. Functions that `work` schedules
   * run later and are not part of it.
   */
  async observe<T>(work: () => Promise<T>): Promise<T> {
    install();
    return await scopes.run(this.scope(true), work);
  }

  /** What the recorded functions depend on. */
  readSet(): ReadSet {
    const documents = new Set<string>();
    for (const { id, depends } of this.gets) if (depends) documents.add(id);
    const intervals: (Interval | null)[] = [];
    for (const { table, depends } of this.counts) if (depends) intervals.push(wholeTable(table));
    for (const { query, depends, answers, done } of this.streams.values()) {
      if (!depends) continue;
      const last = answers.at(-1);
      intervals.push(
        streamInterval(this.schema, query, {
          count: answers.length,
          last: last === undefined ? null : decodeAnswer(last),
          done,
        }),
      );
    }
    for (const { query, depends, reach } of this.pages) {
      if (depends) intervals.push(pageInterval(this.schema, query, reach));
    }
    return new ReadSet(
      documents,
      intervals.filter((interval) => interval !== null),
    );
  }

  /**
   * What the transaction changes. Call it inside the transaction, at its end: a
   * sub-mutation that was rolled back then counts for nothing, and neither does a write
   * that left a document as it was.
   */
  async changes(): Promise<Change[]> {
    const changes: Change[] = [];
    for (const [id, image] of this.images) {
      const after = this.rolledBack ? await fetchImage(id) : image.after;
      if (image.before === after) continue;
      changes.push({ id, table: tableOf(id), before: decode(image.before), after: decode(after) });
    }
    return changes;
  }

  /** Counts of what was read and written so far. */
  usage(): Usage {
    const read = new Map<string, Document>();
    const add = (document: Document | null) => {
      if (document !== null) read.set(document._id as string, document);
    };
    for (const { answer } of this.gets) add(decode(answer));
    for (const stream of this.streams.values()) stream.answers.map(decodeAnswer).forEach(add);
    for (const page of this.pages) {
      for (const document of page.documents) add(jsonToConvex(document) as Document);
    }
    return {
      documentsRead: read.size,
      documentsWritten: this.images.size,
      indexRanges: this.gets.length + this.streams.size + this.pages.length + this.counts.length,
      bytesRead: totalSize(read.values()),
      bytesWritten: totalSize([...this.images.values()].map(({ after }) => decode(after))),
    };
  }

  /**
   * @param depends is false while a `useStaleSnapshot` query runs: it reads, but nothing
   *   depends on it.
   */
  private scope(depends: boolean): Scope {
    return {
      syscall: (op, args) => this.syscall(calls().syscall, op, args, depends),
      asyncSyscall: (op, args) => this.asyncSyscall(calls().asyncSyscall, op, args, depends),
    };
  }

  private syscall(
    call: Syscalls["syscall"],
    op: string,
    argsJson: string,
    depends: boolean,
  ): string {
    const answer = call(op, argsJson);
    if (op === "1.0/queryStream") {
      const { query } = JSON.parse(argsJson) as { query: SerializedQuery };
      const { queryId } = JSON.parse(answer) as { queryId: number };
      this.streams.set(queryId, { query, depends, answers: [], done: false });
    }
    return answer;
  }

  private asyncSyscall(
    call: Syscalls["asyncSyscall"],
    op: string,
    argsJson: string,
    depends: boolean,
  ): Promise<string> {
    // One call for each document of a query: it gets by with the least.
    if (op !== "1.0/queryStreamNext") return this.otherSyscall(call, op, argsJson, depends);
    return call(op, argsJson).then((answer) => {
      const stream = this.streams.get((JSON.parse(argsJson) as { queryId: number }).queryId);
      if (stream === undefined) return answer;
      if (isEnd(answer)) stream.done = true;
      else stream.answers.push(answer);
      return answer;
    });
  }

  private async otherSyscall(
    call: Syscalls["asyncSyscall"],
    op: string,
    argsJson: string,
    depends: boolean,
  ): Promise<string> {
    switch (op) {
      case "1.0/get": {
        const answer = await call(op, argsJson);
        this.gets.push({ id: (JSON.parse(argsJson) as { id: string }).id, depends, answer });
        return answer;
      }
      case "1.0/queryPage": {
        const answer = await call(op, argsJson);
        const { query, cursor, endCursor } = JSON.parse(argsJson);
        const { page, isDone, continueCursor } = JSON.parse(answer);
        const reach = { cursor, endCursor, isDone, continueCursor };
        this.pages.push({ query, depends, reach, documents: page });
        return answer;
      }
      case "1.0/count":
        this.counts.push({ table: (JSON.parse(argsJson) as { table: string }).table, depends });
        return await call(op, argsJson);
      case "1.0/insert": {
        const answer = await call(op, argsJson);
        const { _id } = JSON.parse(answer) as { _id: string };
        this.images.set(_id, { before: "null", after: await fetchImage(_id) });
        return answer;
      }
      case "1.0/shallowMerge":
      case "1.0/replace":
      case "1.0/remove":
        return await this.write(call, op, argsJson);
      case "1.0/runUdf":
        return await this.subTransaction(call, op, argsJson, depends);
      case "1.0/schedule":
      case "1.0/actions/schedule":
        return await scopes.exit(() => call(op, argsJson));
      default:
        return await call(op, argsJson);
    }
  }

  /**
   * convex-test does the work of a system call before it first waits, so the three calls
   * see the document before, during and after, also when a function writes in parallel.
   */
  private async write(
    call: Syscalls["asyncSyscall"],
    op: string,
    argsJson: string,
  ): Promise<string> {
    const { id } = JSON.parse(argsJson) as { id: string };
    const image = this.images.get(id);
    const before = image?.before ?? fetchImage(id);
    const writing = call(op, argsJson);
    const after = fetchImage(id);
    try {
      return await writing;
    } finally {
      const [first, last] = await Promise.all([before, after]);
      this.images.set(id, { before: first, after: last });
    }
  }

  private async subTransaction(
    call: Syscalls["asyncSyscall"],
    op: string,
    argsJson: string,
    depends: boolean,
  ): Promise<string> {
    const { udfType } = JSON.parse(argsJson) as { udfType: string };
    const scope = this.scope(depends && udfType !== "snapshotQuery");
    try {
      return await scopes.run(scope, () => call(op, argsJson));
    } catch (error) {
      this.rolledBack = true;
      throw error;
    }
  }
}

/** The document's current state, encoded; "null" also for an id that is none. */
async function fetchImage(id: string): Promise<string> {
  try {
    return await calls().asyncSyscall("1.0/get", JSON.stringify({ id }));
  } catch {
    return "null";
  }
}

/** No document is as short as the answer that there are no more, so most need no decoding. */
function isEnd(answer: string): boolean {
  return answer.length < 40 && (JSON.parse(answer) as { done: boolean }).done;
}

function decode(answer: string): Document | null {
  return jsonToConvex(JSON.parse(answer)) as Document | null;
}

function decodeAnswer(answer: string): Document {
  return jsonToConvex((JSON.parse(answer) as { value: JSONValue }).value) as Document;
}

function totalSize(documents: Iterable<Document | null>): number {
  let size = 0;
  for (const document of documents) if (document !== null) size += getDocumentSize(document);
  return size;
}

/** Ids of convex-test are a number followed by the name of their table. */
function tableOf(id: string): string {
  return id.replace(/^\d+/, "");
}
