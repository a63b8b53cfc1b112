import type { Value } from "convex/values";
import { EffectCollector } from "../effects/collector.js";
import type { LazyApp } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import { Execution, type MutationExecution } from "../model/execution.js";
import type { Audited, AuditJob, Finding, Question } from "../model/jobs.js";
import { isNearlyOut } from "../model/limits.js";
import { findRow, hasValue, type Key, keyOrNone } from "../model/row.js";
import { computeKey } from "../recompute/compute.js";
import { type AnyQueryCtx, type AnyReader, lazyDb, type StoredRow } from "../schema.js";
import { Coverage } from "../staleness/coverage.js";
import { judgeForReader } from "../staleness/judge.js";
import { markKey } from "../staleness/mark.js";
import { FINDING_RETENTION_MS } from "../times.js";
import { tableOf } from "../tracking/dependency.js";
import { Recorder } from "../tracking/recorder.js";
import { canonicalText, fromCanonicalText } from "../values/canonical.js";
import { isClose } from "../values/close.js";
import { complain } from "../values/describe.js";
import { readHealth, writeHealth } from "./heartbeat.js";

/*
 * The audit. Each heartbeat computes some rows of each view again that are called fresh, and compares. It goes on where
 * the one before has ended, so it reaches each row in the end.
 */

/** Findings of each kind that are remembered. */
const MAX_FINDINGS = 10;

/** How far audits have come in each view, as the key of the last row; and what they have found, newest first. */
type Memory = { after: Record<string, string>; findings: Finding[] };

function memoryOf({ audits }: { audits?: unknown }): Memory {
  return (audits as Memory | undefined) ?? { after: {}, findings: [] };
}

/** In a query: audits the next rows of a view; null when there is nothing to mark or remember. With `rows: 0` it passes over one, which a query could not compute. */
export async function answerAudit(
  app: LazyApp,
  ctx: AnyQueryCtx,
  { view: name, rows }: Extract<Question, { kind: "audit" }>,
): Promise<Audited | null> {
  const view = app.views.get(name) as ViewDefinition;
  const memory = memoryOf(await readHealth(lazyDb(ctx.db)));
  const after = memory.after[name] ?? "";
  const audited: Audited = { after, next: after, findings: [] };
  let count = 0;
  for await (const row of rowsAfter(ctx.db, name, after)) {
    // A compute that throws fails at its next recompute, too, which remembers it.
    if (rows > 0) audited.findings.push(...(await auditRow(app, ctx, view, row).catch(() => [])));
    const isOut = await isNearlyOut(ctx);
    // It may have failed for want of room: the next audit begins with it.
    if (isOut && count > 0) break;
    audited.next = row.key;
    if (++count >= rows || isOut) break;
  }
  const isNews = audited.next !== after || [...audited.findings, ...memory.findings].some((one) => one.view === name);
  return isNews ? audited : null;
}

/** The rows of a view by their keys, from the one after a key on, then those up to it. */
async function* rowsAfter(db: AnyReader, view: string, after: string): AsyncGenerator<StoredRow> {
  const query = () => db.query(view);
  yield* query().withIndex("by_key", (q) => q.gt("key", after)) as AsyncIterable<never>;
  yield* query().withIndex("by_key", (q) => q.lte("key", after)) as AsyncIterable<never>;
}

async function auditRow(app: LazyApp, ctx: AnyQueryCtx, view: ViewDefinition, row: StoredRow): Promise<Finding[]> {
  const key = keyOrNone(view, row.args);
  const judge = (seen: StoredRow) => judgeForReader(ctx, view, seen, () => {});
  const isFresh = key && hasValue(row) && (await judge(row)) === "fresh";
  // Where a mark would change nothing, that it is fresh does not say that it is right.
  if (!isFresh || (await judge({ ...row, dirtyAt: 0 })) === "fresh") return [];
  // What it raises goes nowhere.
  const collector = new EffectCollector(() => {});
  const { scheduleEffect } = collector;
  const execution = new Execution(app, { ...ctx, scheduleEffect }, collector);
  const recorder = new Recorder();
  const coverage = Object.keys(view.sources).length > 0 ? new Coverage(view, key) : undefined;
  const compute = () => computeKey(execution, view, key, { recorder, coverage });
  const value = await compute();
  const about = { view: view.name, key: key.text, at: Date.now() };
  const uncovered = [...(coverage?.found.values() ?? [])];
  const findings: Finding[] = uncovered.map(({ message }) => ({ ...about, kind: "uncovered", message }));
  if (isSame(view, row.value, value)) return findings;
  const { asOf } = row;
  if (!isSame(view, value, await compute())) return [...findings, { ...about, kind: "random", asOf }];
  const read = [...Object.keys(recorder.over), ...recorder.dependencies.map(tableOf), ...Object.keys(view.sources)];
  return read.some((name) => mayLag(app.views.get(name))) ? findings : [...findings, { ...about, kind: "drift", asOf }];
}

/** Sums of floats that changes were applied to differ from computed ones in their last digits. */
function isSame({ applyChange }: ViewDefinition, a: unknown, b: unknown): boolean {
  return applyChange ? isClose(a, b) : canonicalText(a) === canonicalText(b);
}

/** Whether rows over a view are right as of what they read, also when its value is another one by now. */
function mayLag(view: ViewDefinition | undefined): boolean {
  if (!view) return false;
  const { mode, tags, staleWhen } = view;
  const { asksMarks, ages, probes } = staleWhen;
  return mode !== "transaction" || tags !== undefined || !asksMarks || ages.length + probes.length > 0;
}

/** In the mutation `sweep`: marks the rows that are wrong, and remembers them, and how far the audit has come. */
export async function sweepAudit(execution: MutationExecution, { view: name, audited }: AuditJob): Promise<number> {
  const { app, db, ledger, mutex } = execution;
  const view = app.views.get(name);
  if (!view) return 0;
  const { after, next, findings } = audited;
  for (const finding of findings) {
    if (finding.kind === "uncovered") continue;
    complain(problemOf(view, [finding]));
    const { kind, key: text, asOf } = finding;
    const row = await findRow(db, view, text);
    // A recompute of what is not deterministic would be wrong again.
    if (kind === "random" || row?.asOf !== asOf) continue;
    const key = { text, args: fromCanonicalText(text) as Key["args"] };
    await mutex.run(() => markKey(execution, view, key, "audit", row));
  }
  const health = await readHealth(ledger.db);
  const memory = memoryOf(health);
  // Those of rows that are gone, too.
  const isPassed = (text: string) => (after < next ? text > after && text <= next : text > after || text <= next);
  const isKept = (old: Finding) => isRecent(old) && !(old.view === name && isPassed(old.key));
  const all = [...findings, ...memory.findings.filter(isKept)];
  const kept = all.filter((one, i) => all.slice(0, i).filter(({ kind }) => kind === one.kind).length < MAX_FINDINGS);
  await writeHealth(ledger.db, health, {
    audits: { after: { ...memory.after, [name]: next }, findings: kept } as unknown as Value,
  });
  return findings.length;
}

function isRecent({ at }: Finding): boolean {
  return at > Date.now() - FINDING_RETENTION_MS;
}

/** What audits have found: problems, one for each view and kind, with the remedy; and documents that are uncovered. */
export async function auditReport(app: LazyApp, { db }: AnyQueryCtx) {
  const { findings } = memoryOf(await readHealth(lazyDb(db)));
  const recent = app.auditRows > 0 ? findings.filter(isRecent) : [];
  const problems: string[] = [];
  for (const view of app.views.values()) {
    for (const kind of ["drift", "random"]) {
      const own = recent.filter((finding) => finding.view === view.name && finding.kind === kind);
      if (own.length > 0) problems.push(problemOf(view, own));
    }
  }
  const uncovered = recent.flatMap((found) =>
    found.kind === "uncovered" && app.views.has(found.view) ? [found.message] : [],
  );
  return { problems, uncovered };
}

function problemOf({ name, isTracked }: ViewDefinition, findings: readonly Finding[]): string {
  const [{ key = "", kind = "" } = {}] = findings;
  const what = `view "${name}": an audit has computed ${findings.length} row(s) again that were called fresh, such as ${key}, `;
  if (kind === "random") {
    return `${what}and two computes in one snapshot differ: its compute is not deterministic. Let it depend on nothing but the key and what it reads.`;
  }
  const sources = isTracked
    ? ""
    : " sources do not map a document to each key that reads it (leave them out, so that it is tracked);";
  return (
    `${what}and another value came out; it has marked them. Either a write went round lazy.mutation: the dashboard, ` +
    `an import, a raw mutation (call ${name}.invalidate after it, or guard with changed());${sources} ` +
    "or compute depends on more than key and documents, such as the time or process.env (add olderThan())."
  );
}
