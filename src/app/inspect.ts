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

/** How many documents of one table `inspect` looks at, and how many failures it reports. */
const MAX_DOCUMENTS = 1_000;
const MAX_FAILURES = 100;
/** What a transaction must have left to look at a row, which may have 1 MiB. */
const ROW_BYTES = 2 << 20;

/** A recompute or another effect whose last attempt failed. Points in time are in ms since 1970. */
export interface Failure {
  /** The key of the row; of another effect, its arguments or its own key, as text. */
  key: Value;
  /** What the last attempt threw. */
  message: string;
  /** How many attempts failed in a row. After 8 nothing is scheduled: a reader or the heartbeat starts the next one. */
  attempts: number;
  /** When the last attempt failed. */
  failedAt: number;
  /** When the next attempt may start. */
  retryAt: number;
}

/** What `inspect` reports of one view. Points in time are in ms since 1970. */
export interface ViewReport {
  /** How many rows were counted: at most 1,000, and all views share what one query may read. */
  rows: number;
  /** How many of these rows a reader would find stale or expired. */
  stale: number;
  /** The earliest time when one of them became stale; null when none is. */
  staleSince: number | null;
  /** How many of these rows were recomputed in the last minute. */
  recomputed: number;
  /** Whether the view has more rows, so that the counts are lower bounds. */
  more: boolean;
  /** The window of the view, in ms. */
  windowMs: number;
  /** The shortest age that `olderThan` gives the view, in ms; null when it has none. */
  ageMs: number | null;
  /** The keys whose last recompute failed, the last failure first. */
  failures: Failure[];
}

/** What `npx convex run lazy:inspect` reports. */
export interface InspectReport {
  /**
   * What is wrong or not checked yet, one sentence each, with the line to write or the command to run. It is empty only
   * when a heartbeat has tried every export and table and its canary (a test effect) has caused a recompute, when no
   * key's compute has failed 8 times in a row, and when audits have found no wrong row. The finding of an audit is
   * removed when a later audit finds the row right, marked or gone, and after three days.
   */
  problems: string[];
  /**
   * Advice: the documents that audits have found `compute` to read, and that the declared `sources` do not map to the
   * key of the row. Each is one sentence with what to write.
   */
  uncovered: string[];
  /** How effects arrive through the log, as canaries show; null when only clients carry effects. */
  stream: StreamHealth | null;
  /** How the tail of the transport `logTail` reads the log; null when the deployment has no key for the log. */
  tail: TailHealth | null;
  /** The views, by name. */
  views: Record<string, ViewReport>;
  /** The ledger: the table that remembers which effects were dispatched. */
  ledger: {
    /** How many keys have an entry: their window is open, or has ended a short time ago, or their work failed. */
    entries: number;
    /** Whether there are more entries, so that `entries` is a lower bound. */
    more: boolean;
    /** The failures of effects that are not recomputes. */
    failures: (Failure & {
      /** The function that the effect was to run, such as `tracking:viewed`. */
      target: string;
    })[];
  };
}

type Counts = Pick<ViewReport, "rows" | "stale" | "staleSince" | "recomputed" | "more">;

/** @throws Error with the remedy, when `module` of `new LazyViews` is not the module that exports `inspect`. */
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
    // The errors of predicates, and of reading the rows. The report has the first one only.
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
      thrown.push(`view "${name}": its rows could not be read. (${reasonOf(error)})`);
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
    const keys = `${others.length + 1} key(s), such as ${canonicalText(last.key)}`;
    const what = `its compute failed ${MAX_ATTEMPTS} times or more for ${keys}`;
    problems.push(`view "${name}": ${what}: ${last.message} (A reader or the heartbeat starts the next attempt.)`);
  }
  return { problems, uncovered, stream: leavesByLog(app) ? stream : null, tail, views, ledger };
}

/**
 * @throws Error with the names of all views, when none has this name; or as `view.explain`, when the key does not fit.
 */
export async function inspectRow(app: LazyApp, ctx: AnyQueryCtx, name: string, key: unknown): Promise<Explanation> {
  const view = app.views.get(name);
  if (view) return explainRow(queryExecution(app, ctx), view, key);
  throw new Error(`inspect: there is no view "${name}"; the views are ${[...app.views.keys()].join(", ") || "none"}.`);
}

const NO_COUNTS: Counts = { rows: 0, stale: 0, staleSince: null, recomputed: 0, more: false };

/**
 * Counts documents of a table: at most 1,000, and as many as its share of what the query may read allows; at least one,
 * if there is room for it.
 */
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
