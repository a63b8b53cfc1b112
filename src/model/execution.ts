import type { Auth } from "convex/server";
import type { EffectCollector, EffectCtx } from "../effects/collector.js";
import type { LedgerCtx } from "../effects/ledger.js";
import type {
  AnyMutationCtx,
  AnyQueryCtx,
  AnyReader,
  AnyWriter,
  StoredDependency,
  StoredRow,
  StoredShapes,
} from "../schema.js";
import { type LazyApp, ledgerOf, pathOf } from "./app.js";
import type { ViewDefinition } from "./definition.js";
import { isNearlyOut, isShortOfRanges } from "./limits.js";
import { Mutex } from "./mutex.js";
import { askedFor, type Key, recomputeEffect } from "./row.js";

/** The property of `ctx` that has the execution: so `{...ctx, user}` of a custom function keeps it. */
const EXECUTION = Symbol.for("convex-lazy-views");
/** After so many look-ups, or documents, the room that is left in the transaction is checked again. */
const READS_A_CHECK = 100;
/** A table with more documents is not read as a whole, in place of a look-up for each. */
const MAX_WHOLE = 4_000;

/** One running function of `lazy.query`, `lazy.mutation` or `lazy.action`. */
export class Execution {
  /** The ctx before the app customized it, because views do not depend on who reads them. */
  ctx: AnyQueryCtx & EffectCtx;
  /** Only in a mutation. Reads of rows wait until it is idle, because rows may not be marked yet. */
  readonly mutex: Mutex | undefined;

  constructor(
    readonly app: LazyApp,
    ctx: object,
    readonly collector: EffectCollector,
  ) {
    this.ctx = Object.assign(ctx, { [EXECUTION]: this }) as never;
  }

  /** The ctx of functions that only read: `compute`, predicates and probes. */
  get reader(): AnyQueryCtx {
    return this.ctx;
  }

  /** Raises the recompute of a key, whose reader saw this row, or null. */
  raiseRecompute(view: ViewDefinition, key: Key, row: StoredRow | null): void {
    this.collector.raise(recomputeEffect(pathOf(this.app, "recompute"), view, askedFor(key), row));
  }
}

/** One running function of `lazy.mutation`. */
export class MutationExecution extends Execution {
  declare ctx: AnyMutationCtx & EffectCtx;
  /** Convex's own ctx and its database, with which the library itself reads, writes and schedules. */
  readonly raw: AnyMutationCtx;
  readonly db: AnyWriter;
  readonly ledger: LedgerCtx;
  /** A database whose writes mark the rows that depend on them, for work that has its turn already. */
  watched: AnyWriter;
  override readonly mutex = new Mutex();
  /** The keys that were marked or looked at already. Once is enough, however many changes concern a key. */
  readonly marked = new Set<string>();
  /** The rows of views that were read as a whole, by their keys; null for a view that has too many. */
  readonly rows = new Map<string, Map<string, StoredRow> | null>();
  /** Whether the app has written a document. */
  hasWritten = false;
  /** Whether this mutation makes subscribed queries run, which raise effects. */
  wakesReaders = false;
  /** Views whose tables are missing. */
  readonly withoutTable = new Set<ViewDefinition>();
  /** The stored shapes of dependencies, until a commit may change them. */
  shapes: Promise<StoredShapes | null> | undefined;
  /** The stored dependencies with a text, or null for a shape with too many; until a commit may change them. */
  readonly dependents = new Map<string, StoredDependency[] | null>();
  #lookUps = 0;
  #isShortOfRanges = false;
  /** The error of a change whose rows could not be marked. The mutation must not commit, even if the app catches it. */
  lostInvalidation: unknown;
  #reader: AnyQueryCtx | undefined;
  /** Unlike `ctx.runQuery` of the mutation, it does not wait for its turn, which the reader's work has already. */
  readonly #runQuery: AnyQueryCtx["runQuery"];

  constructor(app: LazyApp, raw: AnyMutationCtx, ctx: object, collector: EffectCollector) {
    super(app, ctx, collector);
    this.raw = raw;
    this.db = raw.db;
    this.watched = raw.db;
    this.#runQuery = this.ctx.runQuery;
    this.ledger = ledgerOf(app, raw);
  }

  override get reader(): AnyQueryCtx {
    this.#reader ??= new Execution(this.app, readOnly({ ...this.ctx, runQuery: this.#runQuery }), this.collector).ctx;
    return this.#reader;
  }

  /** Call it before a look-up. Whether there were so many that whole tables must be read instead. */
  async isShortOfRanges(): Promise<boolean> {
    this.#isShortOfRanges ||= ++this.#lookUps % READS_A_CHECK === 0 && (await isShortOfRanges(this.ctx));
    return this.#isShortOfRanges;
  }

  /** All documents of a query; null when they are too many to read. */
  async readWhole<T>(query: AsyncIterable<T>): Promise<T[] | null> {
    const found: T[] = [];
    for await (const document of query) {
      const isChecked = found.push(document) % READS_A_CHECK === 0;
      if (found.length > MAX_WHOLE || (isChecked && (await isNearlyOut(this.ctx)))) return null;
    }
    return found;
  }

  /**
   * Forgets what was read and marked, because this mutation commits a row, or a sub-mutation may commit any row.
   *
   * @param mark - The row, as `markOf` names it. Without it, all marks are forgotten.
   */
  forget(mark?: string): void {
    this.rows.clear();
    this.dependents.clear();
    this.shapes = undefined;
    if (mark === undefined) this.marked.clear();
    else this.marked.delete(mark);
  }
}

/** The name of a key in `marked`. */
export const markOf = ({ name }: ViewDefinition, text: string): string => `${name} ${text}`;

export const findExecution = (ctx: object) => (ctx as { [EXECUTION]?: Execution } | undefined)?.[EXECUTION];

/** @throws Error with the remedy, when `ctx` does not come from this library, or its app does not have the view. */
export function executionOf(ctx: object, view: ViewDefinition, method: string): Execution {
  const execution = findExecution(ctx);
  dbOf(execution?.ctx ?? ctx, view, method);
  if (execution?.app.views.get(view.name) === view) return execution;
  const plain = "ctx is a plain one; make the function with lazy.query or lazy.mutation";
  throw new Error(`${view.name}.${method}: ${execution ? "add this view to new LazyViews({ views })" : plain}.`);
}

/** @throws Error with the remedy, when `ctx` has no database, as that of an action. */
export function dbOf(ctx: object, { name }: ViewDefinition, method: string): AnyReader {
  const { db } = (ctx ?? {}) as Partial<AnyQueryCtx>;
  if (db !== undefined) return db;
  throw new Error(`${name}.${method}: ctx has no db; in an action, call ctx.runQuery with a function of lazy.query.`);
}

/** @throws Error with the remedy, when `ctx` is not that of a mutation of this library. */
export function mutationOf(ctx: object, view: ViewDefinition, method: string): MutationExecution {
  const execution = executionOf(ctx, view, method);
  if (execution instanceof MutationExecution) return execution;
  throw new Error(`${view.name}.${method} writes; call it in a function of lazy.mutation.`);
}

/**
 * A ctx for `compute` and predicates. It throws, with the remedy, when they ask who reads, or try to write or schedule.
 */
export function readOnly(ctx: AnyQueryCtx): AnyQueryCtx {
  const { db } = ctx;
  const reader = {
    get: db.get.bind(db),
    query: db.query.bind(db),
    normalizeId: db.normalizeId.bind(db),
    system: db.system,
  } as AnyReader;
  const refuse = (path: string) => (name: string) =>
    new Error(`${path}.${name}: compute and predicates only read; write or schedule in a mutation.`);
  forbid(reader, ["insert", "patch", "replace", "delete"], refuse("ctx.db"));
  return forbid({ ...ctx, auth: NO_IDENTITY, db: reader }, ["scheduler", "runMutation"], refuse("ctx"));
}

/** Makes properties throw. They are not enumerable, so that an app may still copy its ctx. */
export function forbid<T extends object>(target: T, names: readonly string[], refuse: (name: string) => Error): T {
  for (const name of names) {
    const get = () => {
      throw refuse(name);
    };
    Object.defineProperty(target, name, { get, enumerable: false });
  }
  return target;
}

/** What `compute` and predicates have in place of `ctx.auth`. */
const NO_IDENTITY: Auth = {
  async getUserIdentity() {
    throw new Error("ctx.auth cannot be used here, since all readers share a row; put the user into the key.");
  },
};

/** The ctx without the identity of the caller. Convex still passes that on to queries called with `ctx.runQuery`. */
export function withoutIdentity<Ctx extends { auth: Auth }>(ctx: Ctx): Ctx {
  return ctx.auth === NO_IDENTITY ? ctx : { ...ctx, auth: NO_IDENTITY };
}
