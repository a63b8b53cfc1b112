import type { Value } from "convex/values";
import { MAX_ATTEMPTS } from "../effects/ledger.js";
import { type LazyApp, pathOf } from "../model/app.js";
import { forgottenExports, leavesByLog } from "../model/exports.js";
import { isNearlyOut, isShortOf, shareOfReads } from "../model/limits.js";
import { type AnyQueryCtx, type Entry, lazyDb, type StoredRow } from "../schema.js";
import { judgeForReader } from "../staleness/judge.js";
import { MINUTE } from "../times.js";
import { canonicalText, fromCanonicalText } from "../values/canonical.js";
import { reasonOf } from "../values/describe.js";
import { type Explanation, explainRow } from "../views/explain.js";
import { auditReport } from "./audit.js";
import { queryExecution } from "./builders.js";
import { health, type StreamHealth } from "./heartbeat.js";
import { type TailHealth, tailHealth } from "./tail.js";
import { lookAtWiring } from "./wiring.js";

/** Documents of one table that `inspect` looks at, and failures that it reports. */
const MAX_DOCUMENTS = 1_000;
const MAX_FAILURES = 100;
/** A row may have 1 MiB; so much must be left to look at one. */
const ROW_BYTES = 2 << 20;

/**
 * A recompute or effect whose last attempt failed: the row's key object, or the arguments or key of another effect as
 * text; how many attempts failed in a row; when the last one failed and the next may start, in ms since 1970.
 */
export type Failure = { key: Value; message: string } & Record<"attempts" | "failedAt" | "retryAt", number>;

/** What `inspect` reports. */
export interface InspectReport {
  /**
   * What is wrong, or not checked yet, with the remedy. Empty when a heartbeat has tried each export and table, its
   * canary has gone the whole way to a recompute, no key's compute fails for good, and audits have found no row that is
   * wrong: that is forgotten when an audit passes the row again and it is right, and after three days.
   */
  problems: string[];
  /** Advice, as sentences: documents that computes read and the declared sources of their views do not map to the key. */
  uncovered: string[];
  /** How effects arrive through the log, as the canary tells; null where only clients carry them. */
  stream: StreamHealth | null;
  /** How the tail of the transport `logTail` reads the log; null where the deployment has no key for it. */
  tail: TailHealth | null;
  /**
   * How many rows were looked at, how many of them a reader would find stale or expired, the earliest time when one became
   * so, and how many were recomputed in the last minute. They are bounds where `more` is true: the views share what one
   * query may read, and of each at most 1,000 rows are looked at. And the view's window, and its shortest age, in ms.
   */
  views: Record<string, Counts & Times & { failures: Failure[] }>;
  ledger: {
    /** Keys whose window is open, or was until lately. A lower bound, where there are `more`. */
    entries: number;
    more: boolean;
    /** Failures of effects that are not recomputes. */
    failures: (Failure & { target: string })[];
  };
}

type Counts = { rows: number; stale: number; staleSince: number | null; recomputed: number; more: boolean };
type Times = { windowMs: number; ageMs: number | null };

/** @throws Error with the remedy, when the app exports the function in another module than it says. */
export async function inspect(app: LazyApp, ctx: AnyQueryCtx): Promise<InspectReport> {
  const { name: actual } = await ctx.meta.getFunctionMetadata();
  if (actual !== pathOf(app, "inspect")) {
    const module = actual.split(":")[0];
    throw new Error(`new LazyViews({ module }) is "${app.module}"; set module to "${module}", which exports inspect.`);
  }
  const { problems: seen, missing } = await lookAtWiring(app, ctx);
  const problems = [...forgottenExports(app), ...seen];
  const stream = await health(app, ctx, problems);
  const tail = missing.includes("lazyEffects") ? null : await tailHealth(app, ctx, problems);
  const uncovered = await auditReport(app, ctx, problems);
  const views: InspectReport["views"] = {};
  const ledger: InspectReport["ledger"] = { entries: 0, more: false, failures: [] };
  let parts = app.views.size + 1;
  let failed: Entry[] = [];
  if (!missing.includes("lazyEffects")) {
    const entries = lazyDb(ctx.db).query("lazyEffects");
    const failures = entries.withIndex("by_failure", (q) => q.gt("failure.failedAt", 0));
    failed = await failures.order("desc").take(MAX_FAILURES);
    const { rows, more } = await count(ctx, "lazyEffects", parts);
    Object.assign(ledger, { entries: rows, more });
  }
  for (const view of app.views.values()) {
    parts--;
    const { name } = view;
    let counts = NO_COUNTS;
    // What a predicate throws, or else the look at the rows: one problem for the view.
    const thrown: unknown[] = [];
    const { windowMs, staleWhen } = view;
    const ageMs = Math.min(...staleWhen.ages);
    const isStale = async (row: StoredRow) =>
      !(await isNearlyOut(ctx)) && (await judgeForReader(ctx, view, row, (error) => thrown.push(error))) !== "fresh";
    const staleSince = async (row: StoredRow) =>
      (await isStale(row)) ? (row.dirtyAt ?? Math.min(row.computedAt + ageMs, Date.now())) : null;
    try {
      if (!missing.includes(name)) counts = await count(ctx, name, parts, staleSince);
    } catch (error) {
      thrown.push(`view "${name}": its rows could not be looked at. (${reasonOf(error)})`);
    }
    problems.push(...thrown.slice(0, 1).map(String));
    views[name] = { ...counts, windowMs, ageMs: Number.isFinite(ageMs) ? ageMs : null, failures: [] };
  }
  for (const { key, target, failure } of failed) {
    const text = key.slice(target.length + 1);
    const work = target === pathOf(app, "recompute") ? fromCanonicalText(text) : {};
    const { view = "", args = text } = work as { view?: string; args?: Value };
    const entry = { ...failure, key: args } as Failure;
    if (app.views.has(view)) views[view]?.failures.push(entry);
    else ledger.failures.push({ target, ...entry });
  }
  for (const [name, { failures }] of Object.entries(views)) {
    const [last, ...others] = failures.filter(({ attempts }) => attempts >= MAX_ATTEMPTS);
    if (last === undefined) continue;
    const what = `its compute fails for good for ${others.length + 1} key(s), such as ${canonicalText(last.key)}`;
    problems.push(`view "${name}": ${what}: ${last.message} (Only a reader starts the next attempt.)`);
  }
  return { problems, uncovered, stream: leavesByLog(app) ? stream : null, tail, views, ledger };
}

/** @throws Error naming the views, when there is none of that name; or as `view.explain`, when the key does not fit. */
export async function inspectRow(app: LazyApp, ctx: AnyQueryCtx, name: string, key: unknown): Promise<Explanation> {
  const view = app.views.get(name);
  if (view) return explainRow(queryExecution(app, ctx), view, key);
  throw new Error(`inspect: there is no view "${name}"; the views are ${[...app.views.keys()].join(", ") || "none"}.`);
}

const NO_COUNTS: Counts = { rows: 0, stale: 0, staleSince: null, recomputed: 0, more: false };

/** Counts documents: as many as a part's share allows, and at least one, if the transaction has room for it. */
async function count(
  ctx: AnyQueryCtx,
  table: string,
  parts: number,
  staleSince?: (row: StoredRow) => Promise<number | null>,
) {
  const found: Counts = { ...NO_COUNTS, more: true };
  const now = Date.now();
  const isOver = await shareOfReads(ctx, parts);
  if (await isShortOf(ctx, { bytesRead: ROW_BYTES })) return found;
  for await (const document of ctx.db.query(table)) {
    if (found.rows === MAX_DOCUMENTS) return found;
    found.rows++;
    const row = document as unknown as StoredRow;
    if (row.computedAt > now - MINUTE) found.recomputed++;
    const since = (await staleSince?.(row)) ?? null;
    if (since !== null) {
      found.stale++;
      found.staleSince = Math.min(found.staleSince ?? since, since);
    }
    if ((await isOver(found.rows)) || (await isNearlyOut(ctx))) return found;
  }
  return { ...found, more: false };
}
