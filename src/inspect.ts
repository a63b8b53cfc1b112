import type { Value } from "convex/values";
import type { BackfillPage } from "./backfill.js";
import type { Forgotten } from "./backstopping.js";
import { fromCanonicalText } from "./effects/canonical.js";
import type { RowCommit } from "./effects/effect.js";
import type { LedgerReader } from "./effects/ledger.js";
import {
  acceptedEffectSecrets,
  effectSecret,
  environmentVariable,
  STREAM_SECRET,
} from "./effects/secrets.js";
import type { Sweep, SweepJob } from "./effects/sweep.js";
import type { Evictable } from "./evicting.js";
import { type StreamHealth, streamHealth } from "./health.js";
import { isNearlyOut } from "./limits.js";
import type { Page } from "./recompute/paged.js";
import type { Computed } from "./recompute/value.js";
import { judgeForReader } from "./staleness/judge.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";
import type { ViewDefinition } from "./views/definition.js";
import { findRow, type StoredRow } from "./views/rows.js";

/** Documents of one table that `inspect` looks at. */
const MAX_DOCUMENTS = 1_000;
const MAX_FAILURES = 100;

/** A recompute or effect whose last attempt failed. */
export interface Failure {
  /** The key object of the row; the arguments or key of any other effect, as text. */
  key: Value;
  message: string;
  /** Failed attempts in a row. */
  attempts: number;
  /** When the last one failed, in ms since 1970. */
  failedAt: number;
  /** When it may be tried again, in ms since 1970. */
  retryAt: number;
}

/** What `inspect` reports. */
export interface InspectReport {
  /** What is not set up, with the remedy; empty when all is well. */
  problems: string[];
  /** How the log stream fares, as the canary tells; null when the app has not that transport. */
  stream: StreamHealth | null;
  views: Record<
    string,
    {
      rows: number;
      /** Rows that a reader would find stale or expired. */
      stale: number;
      /** There are more rows than were counted: the numbers are lower bounds. */
      more: boolean;
      failures: Failure[];
    }
  >;
  ledger: {
    /** Keys whose window is open, or was until lately. */
    entries: number;
    more: boolean;
    /** Failures of effects that are not recomputes. */
    failures: (Failure & { target: string })[];
  };
}

/** A row, by its view and the text of its key. */
export type RowName = { view: string; key: string };

/** The arguments of the query `inspect`: none for the report; the others are the library's own. */
export type InspectArgs = {
  /** Instead of the report: the commits that these rows are at, null for one that does not exist. */
  commits?: RowName[];
  /** Instead of the report: ids of documents that this sweep has to handle. */
  due?: Sweep;
  /** Instead of the report: the rows that this scan may evict. */
  evictable?: SweepJob;
  /** Instead of the report: the rows that this scan has to recompute. */
  forgotten?: SweepJob;
  /** Instead of the report: raises a canary that was sent then, in ms since 1970. */
  canary?: number;
  /** Instead of the report: what this backfill finds next. */
  backfill?: Sweep & { cursor: string | null; numItems: number };
  /** Instead of the report: what a key's value is, or its next page, if its run is seen; else null. */
  compute?: {
    view: string;
    args: Record<string, Value>;
    run: bigint;
    next?: { cursor: string | null; numItems: number };
  };
};

/** What of the app the report is about. */
interface InspectOptions {
  views: ReadonlyMap<string, ViewDefinition>;
  /** Function path of the mutation that recomputes. */
  recompute: string;
  /** Whether effects leave queries through the log stream. */
  hasLogStream: boolean;
}

/** The report; or, with arguments, the answer to the library's own question. */
export type InspectAnswer =
  | InspectReport
  | Evictable
  | Forgotten
  | BackfillPage
  | { computed: Computed }
  | { page: Page }
  | unknown[]
  | null;

export async function inspect(
  ctx: AnyQueryCtx,
  { views, recompute, hasLogStream }: InspectOptions,
): Promise<InspectReport> {
  const health = hasLogStream ? await streamHealth(ctx) : null;
  const report: InspectReport = {
    problems: [...problems(hasLogStream), ...(health?.problems ?? [])],
    stream: health?.stream ?? null,
    views: {},
    ledger: { ...(await countEntries(ctx)), failures: [] },
  };
  for (const view of views.values()) {
    report.views[view.name] = { ...(await countRows(ctx, view)), failures: [] };
  }
  const db = ctx.db as unknown as LedgerReader;
  const failed = await db
    .query("lazyEffects")
    .withIndex("by_failure", (q) => q.gt("failure.failedAt", 0))
    .order("desc")
    .take(MAX_FAILURES);
  for (const { key, target, failure } of failed) {
    if (failure === undefined) continue;
    const text = key.slice(target.length + 1);
    const work =
      target === recompute ? (fromCanonicalText(text) as { view: string; args: Value }) : null;
    const viewReport = work === null ? undefined : report.views[work.view];
    const entry = { ...failure, key: work?.args ?? text };
    if (viewReport === undefined) report.ledger.failures.push({ target, ...entry });
    else viewReport.failures.push(entry);
  }
  return report;
}

function problems(hasLogStream: boolean): string[] {
  const found: string[] = [];
  try {
    effectSecret();
  } catch (error) {
    found.push((error as Error).message);
  }
  const isSealed = acceptedEffectSecrets().length > 0;
  if (hasLogStream && isSealed && environmentVariable(STREAM_SECRET) === undefined) {
    found.push(
      `${STREAM_SECRET} is not set, so no effect of a query arrives. Create a webhook log stream with the topic ` +
        `"console" only, then run: npx convex env set ${STREAM_SECRET} <its hmacSecret>`,
    );
  }
  return found;
}

async function countRows(ctx: AnyQueryCtx, view: ViewDefinition) {
  let rows = 0;
  let stale = 0;
  for await (const row of ctx.db.query(view.name)) {
    if (rows === MAX_DOCUMENTS || (await isNearlyOut(ctx))) {
      return { rows, stale, more: true };
    }
    rows++;
    if ((await judgeForReader(ctx, view, row as unknown as StoredRow)) !== "fresh") stale++;
  }
  return { rows, stale, more: false };
}

async function countEntries(ctx: AnyQueryCtx) {
  const db = ctx.db as unknown as LedgerReader;
  const entries = await db.query("lazyEffects").take(MAX_DOCUMENTS + 1);
  return { entries: Math.min(entries.length, MAX_DOCUMENTS), more: entries.length > MAX_DOCUMENTS };
}

/**
 * The commits that rows are at: what `dispatch` compares effects with. Null for a row that does not exist, and for
 * one that is more than a query may read: its effect is then not known to be superseded, and costs a job that stops.
 */
export async function commitsOf(
  ctx: AnyQueryCtx,
  views: ReadonlyMap<string, ViewDefinition>,
  rows: readonly RowName[],
): Promise<(RowCommit | null)[]> {
  const commits: (RowCommit | null)[] = [];
  for (const { view, key } of rows) {
    const definition = views.get(view);
    const canRead = definition !== undefined && !(await isNearlyOut(ctx));
    const row = canRead ? await findRow(ctx.db, definition, key) : null;
    commits.push(row && { seq: row.seq, born: row._creationTime });
  }
  return commits;
}
