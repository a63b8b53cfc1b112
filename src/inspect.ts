import type { Value } from "convex/values";
import { fromCanonicalText } from "./effects/canonical.js";
import type { LedgerReader } from "./effects/ledger.js";
import {
  acceptedEffectSecrets,
  effectSecret,
  environmentVariable,
  STREAM_SECRET,
} from "./effects/secrets.js";
import { judgeForReader } from "./staleness/judge.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";
import type { ViewDefinition } from "./views/definition.js";
import { findRow, type StoredRow } from "./views/rows.js";

/** Documents of one table that `inspect` looks at. */
const MAX_DOCUMENTS = 1_000;
const MAX_FAILURES = 100;
/** Reading stops when less than this is left of what a query may read. */
const RESERVE = { bytesRead: 4 << 20, documentsRead: 4_000, databaseQueries: 500 };

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

/** The arguments of the query `inspect`: none for the report; the others are the library's own. */
export type InspectArgs = {
  /** Instead of the report: the seqs of these rows, null for one that does not exist. */
  seqs?: { view: string; key: string }[];
  /** Instead of the report: ids of ledger entries that expired by then, in ms since 1970. */
  expiredBy?: number;
};

export async function inspect(
  ctx: AnyQueryCtx,
  views: ReadonlyMap<string, ViewDefinition>,
  recompute: string,
): Promise<InspectReport> {
  const report: InspectReport = {
    problems: problems(),
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

function problems(): string[] {
  const found: string[] = [];
  try {
    effectSecret();
  } catch (error) {
    found.push((error as Error).message);
  }
  if (acceptedEffectSecrets().length > 0 && environmentVariable(STREAM_SECRET) === undefined) {
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

async function isNearlyOut(ctx: AnyQueryCtx): Promise<boolean> {
  const metrics = await ctx.meta.getTransactionMetrics();
  return (Object.keys(RESERVE) as (keyof typeof RESERVE)[]).some(
    (name) => metrics[name].remaining < RESERVE[name],
  );
}

/**
 * The commits that rows are at: what `dispatch` compares effects with. Null for a row that does not exist, and for
 * one that is more than a query may read: its effect is then not known to be superseded, and costs a job that stops.
 */
export async function seqsOf(
  ctx: AnyQueryCtx,
  views: ReadonlyMap<string, ViewDefinition>,
  rows: readonly { view: string; key: string }[],
): Promise<(number | null)[]> {
  const seqs: (number | null)[] = [];
  for (const { view, key } of rows) {
    const definition = views.get(view);
    const canRead = definition !== undefined && !(await isNearlyOut(ctx));
    seqs.push(canRead ? ((await findRow(ctx.db, definition, key))?.seq ?? null) : null);
  }
  return seqs;
}
