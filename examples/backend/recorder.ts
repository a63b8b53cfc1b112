/**
 * Records what Convex functions read and write under `convex-test`.
 *
 * It stands between the functions and `globalThis.Convex`, the table of system calls that
 * `convexTest()` installs, and passes every call on unchanged. It records calls of code that
 * runs under a `Recording`, in that recording; other code is not slowed down.
 *
 * ```ts
 * const t = convexTest(schema, modules);
 * const recording = new Recording(schema);
 * await recording.observe(() => t.query(api.stats.get, { airport: "SFO" }));
 * recording.usage(); // { documentsRead: 1, documentsWritten: 0, indexRanges: 1, … }
 * ```
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { GenericSchema, SchemaDefinition } from "convex/server";
import { getDocumentSize, type JSONValue, jsonToConvex } from "convex/values";
import { type Components, type FunctionAddress, locate, qualify, ROOT } from "./components";
import { type PageReach, pageInterval, type SerializedQuery, streamInterval, wholeTable } from "./intervals";
import { type Bandwidth, ForeignUsage } from "./metrics";
import { type Change, type Document, type Interval, ReadSet, variableId } from "./readSet";
import { calls, install, type Scope, type Syscalls, scopes } from "./syscalls";

/** The counts of one recording. */
export interface Usage {
  /** Distinct documents that the functions received, without those that a `filter` dropped. */
  documentsRead: number;
  /** Distinct documents inserted, changed or deleted, even if that was rolled back. */
  documentsWritten: number;
  /** Index ranges that were read; a `get` is one too. */
  indexRanges: number;
  /** Size of the distinct documents read, in bytes, as Convex measures documents. */
  bytesRead: number;
  /** Size of the documents written, each as it was last written, in bytes. */
  bytesWritten: number;
}

/** A document that functions read or wrote. */
export interface MetDocument {
  table: string;
  document: () => Document;
  written: boolean;
}

/** Code of one component that reads and writes: a function, or the `work` of `observe`. */
interface Reader {
  component: string;
  /** False inside a `useStaleSnapshot` query: it reads, but nothing depends on it. */
  depends: boolean;
  /** The queries that it iterates, by id. A query of another component may have the same id. */
  streams: Map<number, Stream>;
}

/** A query that is being iterated. `answers` stay encoded, because most are never used again. */
interface Stream {
  reader: Reader;
  query: SerializedQuery;
  answers: string[];
  done: boolean;
}

interface Page {
  reader: Reader;
  query: SerializedQuery;
  reach: PageReach;
  documents: JSONValue[];
}

/**
 * A written document before its first write and after its last one. Equal documents are the same
 * encoded text, because their fields are sorted.
 */
interface Image {
  component: string;
  id: string;
  before: string;
  after: string;
  /** Runs code in the asynchronous context of the write, by which convex-test finds its database. */
  there: <T>(work: () => T) => T;
}

/** What the functions that ran under `observe` read and wrote. */
export class Recording {
  private readonly gets: { reader: Reader; id: string; answer: string }[] = [];
  private readonly streams: Stream[] = [];
  private readonly pages: Page[] = [];
  private readonly counts: { reader: Reader; table: string }[] = [];
  private readonly images = new Map<string, Image>();
  private readonly foreign = new ForeignUsage();
  private rolledBack = false;

  /**
   * The schemas name the fields of each index, which a read set needs.
   *
   * @param schema the app's schema.
   * @param components the components that functions may call.
   */
  constructor(
    private readonly schema: SchemaDefinition<GenericSchema, boolean>,
    private readonly components: Components = {},
  ) {}

  /**
   * Runs `work` and records the database calls made in it. Functions that `work` schedules
   * run later and are not part of it.
   *
   * @param component the component that `work` belongs to.
   */
  async observe<T>(work: () => Promise<T>, component = ROOT): Promise<T> {
    install();
    const metrics = await fetchMetrics();
    if (metrics !== null) this.foreign.start(metrics);
    return await scopes.run(this.scope(component, true), work);
  }

  /**
   * What the recorded functions depend on.
   *
   * @param variables the environment variables that they read.
   */
  readSet(variables: Iterable<string> = []): ReadSet {
    const documents = new Set([...variables].map(variableId));
    const intervals: Interval[] = [];
    const add = ({ component }: Reader, interval: Interval | null) => {
      if (interval === null) return;
      intervals.push({ ...interval, table: qualify(component, interval.table) });
    };
    for (const { reader, id } of this.gets) {
      if (reader.depends) documents.add(qualify(reader.component, id));
    }
    for (const { reader, table } of this.counts) if (reader.depends) add(reader, wholeTable(table));
    for (const { reader, query, answers, done } of this.streams) {
      if (!reader.depends) continue;
      const answer = answers.at(-1);
      const last = answer === undefined ? null : decodeAnswer(answer);
      const read = { count: answers.length, last, done };
      add(reader, streamInterval(this.schemaOf(reader.component), query, read));
    }
    for (const { reader, query, reach } of this.pages) {
      if (reader.depends) add(reader, pageInterval(this.schemaOf(reader.component), query, reach));
    }
    return new ReadSet(documents, intervals);
  }

  /**
   * The changes of the transaction. Call it inside the transaction, at its end. It leaves out the
   * writes of rolled back sub-mutations, and writes that left a document as it was.
   */
  async changes(): Promise<Change[]> {
    const changes: Change[] = [];
    for (const { component, id, before, after: written, there } of this.images.values()) {
      const after = this.rolledBack ? await there(() => this.look(id)) : written;
      if (before === after) continue;
      changes.push({
        id: qualify(component, id),
        table: qualify(component, tableOf(id)),
        before: decode(before),
        after: decode(after),
      });
    }
    return changes;
  }

  /** What Convex charges for the reads and writes so far. Call it inside the transaction. */
  async bandwidth(): Promise<(() => Bandwidth) | null> {
    const metrics = await fetchMetrics();
    return metrics === null ? null : this.foreign.bandwidth(metrics);
  }

  /** Counts the reads and writes so far. */
  usage(): Usage {
    const read = new Map<string, Document>();
    const add = ({ component }: Reader, document: Document | null) => {
      if (document !== null) read.set(qualify(component, document._id as string), document);
    };
    for (const { reader, answer } of this.gets) add(reader, decode(answer));
    for (const { reader, answers } of this.streams) {
      for (const answer of answers) add(reader, decodeAnswer(answer));
    }
    for (const { reader, documents } of this.pages) {
      for (const document of documents) add(reader, jsonToConvex(document) as Document);
    }
    return {
      documentsRead: read.size,
      documentsWritten: this.images.size,
      indexRanges: this.gets.length + this.streams.length + this.pages.length + this.counts.length,
      bytesRead: totalSize(read.values()),
      bytesWritten: totalSize([...this.images.values()].map(({ after }) => decode(after))),
    };
  }

  /** The app's own documents that the functions read or wrote: each as last written, or else as read. */
  documents(): MetDocument[] {
    const met = new Map<string, MetDocument>();
    const add = ({ component }: Pick<Reader, "component">, id: string, encoded: JSONValue, written = false) => {
      if (component !== ROOT || encoded === null) return;
      met.set(id, { table: tableOf(id), document: () => jsonToConvex(encoded) as Document, written });
    };
    for (const { reader, id, answer } of this.gets) add(reader, id, JSON.parse(answer));
    const found = [
      ...this.streams.map(({ reader, answers }) => ({ reader, documents: answers.map(answerOf) })),
      ...this.pages,
    ];
    for (const { reader, documents } of found) {
      for (const each of documents) add(reader, (each as { _id: string })._id, each);
    }
    for (const image of this.images.values()) {
      if (image.before !== image.after) add(image, image.id, JSON.parse(image.after), true);
    }
    return [...met.values()];
  }

  private schemaOf(component: string): SchemaDefinition<GenericSchema, boolean> {
    const schema = component === ROOT ? this.schema : this.components[component]?.schema;
    if (schema !== undefined) return schema;
    throw new Error(
      `Component "${component}" was read, but the recording does not know its schema. ` +
        "Give it to the Recording's constructor.",
    );
  }

  private scope(component: string, depends: boolean): Scope {
    const reader: Reader = { component, depends, streams: new Map() };
    return {
      syscall: (op, args) => this.syscall(calls().syscall, op, args, reader),
      asyncSyscall: (op, args) => this.asyncSyscall(calls().asyncSyscall, op, args, reader),
    };
  }

  private syscall(call: Syscalls["syscall"], op: string, argsJson: string, reader: Reader): string {
    const answer = call(op, argsJson);
    if (op === "1.0/queryStream") {
      const { query } = JSON.parse(argsJson) as { query: SerializedQuery };
      const { queryId } = JSON.parse(answer) as { queryId: number };
      const stream: Stream = { reader, query, answers: [], done: false };
      this.streams.push(stream);
      reader.streams.set(queryId, stream);
    }
    return answer;
  }

  private asyncSyscall(call: Syscalls["asyncSyscall"], op: string, argsJson: string, reader: Reader): Promise<string> {
    // The most frequent call, one for each document of a query, so this path does the least.
    if (op !== "1.0/queryStreamNext") return this.otherSyscall(call, op, argsJson, reader);
    return call(op, argsJson).then((answer) => {
      const stream = reader.streams.get((JSON.parse(argsJson) as { queryId: number }).queryId);
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
    reader: Reader,
  ): Promise<string> {
    switch (op) {
      case "1.0/get": {
        const answer = await call(op, argsJson);
        this.gets.push({ reader, id: (JSON.parse(argsJson) as { id: string }).id, answer });
        return answer;
      }
      case "1.0/queryPage": {
        const answer = await call(op, argsJson);
        const { query, cursor, endCursor } = JSON.parse(argsJson);
        const { page, isDone, continueCursor } = JSON.parse(answer);
        const reach = { cursor, endCursor, isDone, continueCursor };
        this.pages.push({ reader, query, reach, documents: page });
        return answer;
      }
      case "1.0/count":
        this.counts.push({ reader, table: (JSON.parse(argsJson) as { table: string }).table });
        return await call(op, argsJson);
      case "1.0/insert": {
        const answer = await call(op, argsJson);
        const { _id } = JSON.parse(answer) as { _id: string };
        this.keep(reader, _id, "null", await this.look(_id));
        return answer;
      }
      case "1.0/shallowMerge":
      case "1.0/replace":
      case "1.0/remove":
        return await this.write(call, op, argsJson, reader);
      case "1.0/runUdf":
        return await this.subTransaction(call, op, argsJson, reader);
      case "1.0/getTransactionMetrics":
        return this.foreign.takeFrom(await call(op, argsJson));
      case "1.0/schedule":
      case "1.0/actions/schedule":
        return await scopes.exit(() => call(op, argsJson));
      default:
        return await call(op, argsJson);
    }
  }

  /**
   * convex-test does the work of a system call before it first awaits. So the looks before and
   * after the call see the document right before and after it, also if a function writes in
   * parallel.
   */
  private async write(call: Syscalls["asyncSyscall"], op: string, argsJson: string, reader: Reader): Promise<string> {
    const { id } = JSON.parse(argsJson) as { id: string };
    const image = this.images.get(qualify(reader.component, id));
    const before = image?.before ?? this.look(id);
    const writing = call(op, argsJson);
    const after = this.look(id);
    try {
      return await writing;
    } finally {
      const [first, last] = await Promise.all([before, after]);
      this.keep(reader, id, first, last);
    }
  }

  private keep({ component }: Reader, id: string, before: string, after: string): void {
    const there = AsyncLocalStorage.snapshot();
    this.images.set(qualify(component, id), { component, id, before, after, there });
  }

  private async subTransaction(
    call: Syscalls["asyncSyscall"],
    op: string,
    argsJson: string,
    reader: Reader,
  ): Promise<string> {
    const { udfType, ...address } = JSON.parse(argsJson) as FunctionAddress & { udfType: string };
    const { component } = locate(reader.component, address);
    const scope = this.scope(component, reader.depends && udfType !== "snapshotQuery");
    try {
      return await scopes.run(scope, () => call(op, argsJson));
    } catch (error) {
      this.rolledBack = true;
      throw error;
    }
  }

  /** The document's current state, encoded; "null" for a missing document or an invalid id. */
  private async look(id: string): Promise<string> {
    const document = await calls()
      .asyncSyscall("1.0/get", JSON.stringify({ id }))
      .catch(() => "null");
    this.foreign.look(document);
    return document;
  }
}

/** The metrics of the current transaction, encoded; null outside a transaction. */
async function fetchMetrics(): Promise<string | null> {
  try {
    return await calls().asyncSyscall("1.0/getTransactionMetrics", "{}");
  } catch {
    return null;
  }
}

/** Every document is longer than the answer "done", so only short answers need decoding. */
function isEnd(answer: string): boolean {
  return answer.length < 40 && (JSON.parse(answer) as { done: boolean }).done;
}

function decode(answer: string): Document | null {
  return jsonToConvex(JSON.parse(answer)) as Document | null;
}

function decodeAnswer(answer: string): Document {
  return jsonToConvex(answerOf(answer)) as Document;
}

function answerOf(answer: string): JSONValue {
  return (JSON.parse(answer) as { value: JSONValue }).value;
}

function totalSize(documents: Iterable<Document | null>): number {
  let size = 0;
  for (const document of documents) if (document !== null) size += getDocumentSize(document);
  return size;
}

/** An id of convex-test is a number and the name of its table. */
function tableOf(id: string): string {
  return id.replace(/^\d+/, "");
}
