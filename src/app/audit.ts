import type { LazyApp } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import type { MutationExecution } from "../model/execution.js";
import type { Audited, AuditJob, Finding } from "../model/jobs.js";
import { isNearlyOut } from "../model/limits.js";
import { findRow, hasValue, keyOrNone } from "../model/row.js";
import { computeKey } from "../recompute/compute.js";
import { type AnyQueryCtx, type AnyReader, lazyDb, type StoredRow } from "../schema.js";
import { Coverage } from "../staleness/coverage.js";
import { judgeForReader } from "../staleness/judge.js";
import { invalidateKey } from "../staleness/sources.js";
import { FINDING_RETENTION_MS } from "../times.js";
import { Recorder } from "../tracking/recorder.js";
import { canonicalText } from "../values/canonical.js";
import { isPlainObject } from "../values/copy.js";
import { complain } from "../values/describe.js";
import { queryExecution } from "./builders.js";
import { readHealth, writeHealth } from "./heartbeat.js";

// Each heartbeat computes some fresh rows of each view again, and compares. One after the other, it reaches every row.

const MAX_FINDINGS = 20;
/** The relative error that sums of floats may have. Below 1 it is the absolute error, since terms may cancel out. */
const MAX_ERROR = 1e-9;

/** `after`: the key of the last audited row of each view. `findings`: what audits have found, newest first. */
type Memory = { after: Record<string, string>; findings: Finding[] };

const memoryOf = ({ audits }: { audits?: unknown }) => (audits ?? { after: {}, findings: [] }) as Memory;

/**
 * Audits the next rows of a view. Returns null when there is nothing to mark or to store. `rows: 0` passes over one row
 * that could not be audited.
 */
export async function answerAudit(app: LazyApp, ctx: AnyQueryCtx, asked: { view: string; rows: number }) {
  const { view: name, rows } = asked;
  const memory = memoryOf(await readHealth(lazyDb(ctx.db)));
  const after = memory.after[name] ?? "";
  const audited: Audited = { after, next: after, findings: [] };
  let count = 0;
  for await (const row of rowsAfter(ctx.db, name, after)) {
    // A compute that throws fails at its next recompute, too, which stores the failure.
    if (rows > 0) audited.findings.push(...(await auditRow(app, ctx, name, row).catch(() => [])));
    const isOut = await isNearlyOut(ctx);
    // The row may have failed because the transaction had no room left: the next audit begins with it.
    if (isOut && count > 0) break;
    audited.next = row.key;
    if (++count >= rows || isOut) break;
  }
  return audited.next === after && audited.findings.length + memory.findings.length === 0 ? null : audited;
}

/** The rows of a view in the order of their keys: those after a key, then those up to it. */
async function* rowsAfter(db: AnyReader, view: string, after: string): AsyncGenerator<StoredRow> {
  yield* db.query(view).withIndex("by_key", (q) => q.gt("key", after)) as AsyncIterable<never>;
  yield* db.query(view).withIndex("by_key", (q) => q.lte("key", after)) as AsyncIterable<never>;
}

async function auditRow(app: LazyApp, ctx: AnyQueryCtx, name: string, row: StoredRow): Promise<Finding[]> {
  const view = app.views.get(name) as ViewDefinition;
  const key = keyOrNone(view, row.args);
  const isFresh = async (seen: StoredRow) => (await judgeForReader(ctx, view, seen, () => {})) === "fresh";
  // If a mark would not make this row stale, its state says nothing about its sources: there is nothing to audit.
  if (!key || !hasValue(row) || !(await isFresh(row)) || (await isFresh({ ...row, dirtyAt: 0 }))) return [];
  // The effects that the compute raises are dropped.
  const execution = queryExecution(app, ctx);
  const recorder = new Recorder();
  const coverage = view.isTracked ? undefined : new Coverage(view, key);
  const compute = () => computeKey(execution, view, key, { recorder, coverage });
  const value = await compute();
  const findings: Finding[] = [];
  const add = (kind: Finding["kind"], message: string) =>
    findings.push({ view: name, key: key.text, at: Date.now(), asOf: row.asOf, kind, message });
  for (const { message } of coverage?.found.values() ?? []) add("uncovered", message);
  const isSame = view.applyChange ? isClose : (a: unknown, b: unknown) => canonicalText(a) === canonicalText(b);
  if (isSame(row.value, value)) return findings;
  const what = `view "${name}": an audit computed the fresh row ${key.text} again, and `;
  const read = [...Object.keys(recorder.over), ...recorder.tables, ...Object.keys(view.sources)];
  if (!isSame(value, await compute())) {
    const remedy = "compute is not deterministic. Let it depend on nothing but the key and what it reads.";
    add("random", `${what}two computes in one snapshot differ: ${remedy}`);
  } else if (!read.some((inner) => mayLag(app.views.get(inner)))) {
    const sources = view.isTracked ? "" : "Or sources do not map a document to all keys that read it: see uncovered. ";
    const message =
      `${what}got another value, so it marked the row. Either a write bypassed lazy.mutation (the dashboard, an ` +
      `import, a raw mutation): call invalidate after it, or use changed(). ${sources}Or compute depends on more ` +
      "than its key and documents (the time, process.env): add olderThan().";
    add("drift", message);
  }
  return findings;
}

/** Whether two values are equal but for the last digits of numbers: `applyChange` sums floats in another order. */
function isClose(a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return Object.is(a, b) || Math.abs(a - b) <= MAX_ERROR * Math.max(1, Math.abs(a), Math.abs(b));
  }
  const areLists = Array.isArray(a) && Array.isArray(b);
  if (a === undefined || b === undefined) return a === b;
  if (!areLists && !(isPlainObject(a) && isPlainObject(b))) return canonicalText(a) === canonicalText(b);
  return Object.keys({ ...a, ...b }).every((name) => isClose(a[name as never], b[name as never]));
}

/**
 * Whether a row that is computed from this view may be right although a compute returns another value now: the value
 * that it has read may be older.
 */
function mayLag(view: ViewDefinition | undefined): boolean {
  if (!view) return false;
  const { asksMarks, ages, probes } = view.staleWhen;
  return view.mode !== "transaction" || view.tags !== undefined || !asksMarks || ages.length + probes.length > 0;
}

/** In the mutation `sweep`: marks the rows that are wrong, and stores the findings and how far the audit has come. */
export async function sweepAudit(execution: MutationExecution, { view: name, audited }: AuditJob): Promise<number> {
  const { app, db, ledger, mutex } = execution;
  const { after, next, findings } = audited;
  const view = app.views.get(name);
  if (!view) return 0;
  for (const { kind, key, asOf, message } of findings) {
    if (kind !== "uncovered") complain(message);
    // The recompute of a value that is not deterministic would be as wrong: such a row is not marked.
    const row = kind === "drift" ? await findRow(db, view, key) : null;
    if (row?.asOf === asOf) await mutex.run(() => invalidateKey(execution, view, key, "audit"));
  }
  const health = await readHealth(ledger.db);
  const memory = memoryOf(health);
  // By key, so that findings about rows that are gone are removed, too.
  const isPassed = (text: string) => (after < next ? text > after && text <= next : text > after || text <= next);
  const others = memory.findings.filter((found) => found.view !== name || !isPassed(found.key));
  const kept = [...findings, ...others].slice(0, MAX_FINDINGS);
  await writeHealth(ledger.db, health, { audits: { after: { ...memory.after, [name]: next }, findings: kept } });
  return findings.length;
}

/** Adds one wrong row of each view, found in the last three days, to `problems`. Returns the uncovered documents. */
export async function auditReport({ auditRows, views }: LazyApp, { db }: AnyQueryCtx, problems: string[]) {
  const wrong = new Map<string, string>();
  const uncovered: string[] = [];
  for (const { view, kind, at, message } of memoryOf(await readHealth(lazyDb(db))).findings) {
    if (auditRows === 0 || !views.has(view) || at < Date.now() - FINDING_RETENTION_MS) continue;
    if (kind === "uncovered") uncovered.push(message);
    else wrong.set(`${view} ${kind}`, message);
  }
  problems.push(...wrong.values());
  return uncovered;
}
