import type { Value } from "convex/values";
import { acceptedEffectSecrets, effectSecret, environmentVariable, STREAM_SECRET } from "../effects/secrets.js";
import { type LazyApp, pathOf } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import { isNearlyOut } from "../model/limits.js";
import { type AnyQueryCtx, lazyDb, type StoredRow } from "../schema.js";
import { judgeForReader } from "../staleness/judge.js";
import { fromCanonicalText } from "../values/canonical.js";
import { reasonOf } from "../values/describe.js";
import { type StreamHealth, streamHealth } from "./heartbeat.js";

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

/** @throws Error with the remedy, when the app exports the function in another module than it says. */
export async function inspect(app: LazyApp, ctx: AnyQueryCtx): Promise<InspectReport> {
  await checkModule(app, ctx);
  const recompute = pathOf(app, "recompute");
  const hasLogStream = app.transports.has("logStream");
  const health = hasLogStream ? await streamHealth(ctx) : null;
  const report: InspectReport = {
    problems: [...problems(hasLogStream), ...(health?.problems ?? [])],
    stream: health?.stream ?? null,
    views: {},
    ledger: { ...(await countEntries(ctx)), failures: [] },
  };
  for (const view of app.views.values()) {
    report.views[view.name] = { ...(await countRows(ctx, view)), failures: [] };
  }
  const failed = await lazyDb(ctx.db)
    .query("lazyEffects")
    .withIndex("by_failure", (q) => q.gt("failure.failedAt", 0))
    .order("desc")
    .take(MAX_FAILURES);
  for (const { key, target, failure } of failed) {
    if (failure === undefined) continue;
    const text = key.slice(target.length + 1);
    const work = target === recompute ? (fromCanonicalText(text) as { view: string; args: Value }) : null;
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
    found.push(reasonOf(error));
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
  const entries = await lazyDb(ctx.db)
    .query("lazyEffects")
    .take(MAX_DOCUMENTS + 1);
  return { entries: Math.min(entries.length, MAX_DOCUMENTS), more: entries.length > MAX_DOCUMENTS };
}

async function checkModule(app: LazyApp, { meta }: AnyQueryCtx): Promise<void> {
  const { name: actual } = await meta.getFunctionMetadata();
  if (actual === pathOf(app, "inspect")) return;
  throw new Error(
    `This function runs as ${actual}, but new LazyViews({ module: "${app.module}" }) makes the library call ` +
      `${pathOf(app, "inspect")}: set module to "${actual.split(":")[0]}".`,
  );
}
