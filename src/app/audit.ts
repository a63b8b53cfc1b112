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

function memoryOf({ audits = { after: {}, findings: [] } }: { audits?: unknown }): Memory {
  return audits as Memory;
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
  const coverage = view.isTracked ? undefined : new Coverage(view, key);
  const compute = () => computeKey(execution, view, key, { recorder, coverage });
  const value = await compute();
  const find = (kind: Finding["kind"], message = problemOf(view, key, kind)): Finding => {
    return { view: view.name, key: key.text, at: Date.now(), asOf: row.asOf, kind, message };
  };
  const findings = [...(coverage?.found.values() ?? [])].map(({ message }) => find("uncovered", message));
  if (isSame(view, row.value, value)) return findings;
  if (!isSame(view, value, await compute())) return [...findings, find("random")];
  const read = [...Object.keys(recorder.over), ...recorder.dependencies.map(tableOf), ...Object.keys(view.sources)];
  return read.some((name) => mayLag(app.views.get(name))) ? findings : [...findings, find("drift")];
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
  for (const { kind, key: text, asOf, message } of findings) {
    if (kind !== "uncovered") complain(message);
    const row = await findRow(db, view, text);
    // A recompute of what is not deterministic would be wrong again.
    if (kind !== "drift" || row?.asOf !== asOf) continue;
    await mutex.run(() =>
      markKey(execution, view, { text, args: fromCanonicalText(text) as Key["args"] }, "audit", row),
    );
  }
  const health = await readHealth(ledger.db);
  const memory = memoryOf(health);
  // Those of rows that are gone, too.
  const isPassed = (text: string) => (after < next ? text > after && text <= next : text > after || text <= next);
  const isKept = (old: Finding) => isRecent(old) && !(old.view === name && isPassed(old.key));
  const all = [...findings, ...memory.findings.filter(isKept)];
  const kept = all.filter((one, i) => all.slice(0, i).filter(({ kind }) => kind === one.kind).length < MAX_FINDINGS);
  const audits: Memory = { after: { ...memory.after, [name]: next }, findings: kept };
  await writeHealth(ledger.db, health, { audits });
  return findings.length;
}

function isRecent({ at }: Finding): boolean {
  return at > Date.now() - FINDING_RETENTION_MS;
}

/** What audits have found lately: of each view one row that is wrong, as a problem; and what is uncovered. */
export async function auditReport({ auditRows, views }: LazyApp, { db }: AnyQueryCtx) {
  const { findings } = memoryOf(await readHealth(lazyDb(db)));
  const problems = new Map<string, string>();
  const uncovered: string[] = [];
  for (const found of auditRows > 0 ? findings : []) {
    const { view, kind, message } = found;
    if (!views.has(view) || !isRecent(found)) continue;
    if (kind === "uncovered") uncovered.push(message);
    else problems.set(`${view} ${kind}`, message);
  }
  return { problems: [...problems.values()], uncovered };
}

function problemOf({ name, isTracked }: ViewDefinition, { text }: Key, kind: Finding["kind"]): string {
  const what = `view "${name}": an audit has computed the row ${text} again, which was called fresh, and `;
  if (kind === "random") {
    return (
      `${what}two computes in one snapshot differ: its compute is not deterministic. ` +
      "Let it depend on nothing but the key and what it reads."
    );
  }
  const orSources = isTracked ? "" : "; or sources do not map each document to all keys that read it: see uncovered";
  return (
    `${what}has got another value, so the row is marked. Either a write went round lazy.mutation (the dashboard, an ` +
    `import, a raw mutation): call ${name}.invalidate after it, or guard with changed()${orSources}; ` +
    "or compute depends on more than key and documents (the time, process.env): add olderThan()."
  );
}
