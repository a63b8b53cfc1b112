import type { Value } from "convex/values";
import { effectSecret } from "../effects/secrets.js";
import { type LazyApp, pathOf } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import { isNearlyOut } from "../model/limits.js";
import { type AnyQueryCtx, lazyDb, type StoredRow } from "../schema.js";
import { judgeForReader } from "../staleness/judge.js";
import { fromCanonicalText } from "../values/canonical.js";
import { reasonOf } from "../values/describe.js";
import { type StreamHealth, streamHealth } from "./heartbeat.js";

/** Documents of one table that `inspect` looks at, and failures that it reports. */
const MAX_DOCUMENTS = 1_000;
const MAX_FAILURES = 100;

/**
 * A recompute or effect whose last attempt failed: the key object of the row, or the arguments or key of another effect
 * as text; how many attempts have failed in a row; when the last one failed, and when the next may start, in ms since
 * 1970.
 */
export type Failure = { key: Value; message: string } & Record<"attempts" | "failedAt" | "retryAt", number>;

/** What `inspect` reports. */
export interface InspectReport {
  /** What is not set up, with the remedy; empty when all is well. */
  problems: string[];
  /** How the log stream works, as the canary tells; null without that transport. */
  stream: StreamHealth | null;
  /** Rows, and how many of them a reader would find stale or expired: lower bounds, where there are `more`. */
  views: Record<string, { rows: number; stale: number; more: boolean; failures: Failure[] }>;
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
  const { name: actual } = await ctx.meta.getFunctionMetadata();
  if (actual !== pathOf(app, "inspect")) {
    throw new Error(
      `new LazyViews({ module }) is "${app.module}", but this function runs as ${actual}: ` +
        `set module to "${actual.split(":")[0]}".`,
    );
  }
  const problems: string[] = [];
  try {
    effectSecret();
  } catch (error) {
    problems.push(reasonOf(error));
  }
  const health = app.transports.has("logStream") ? await streamHealth(ctx) : { stream: null, problems: [] };
  problems.push(...health.problems);
  const views: InspectReport["views"] = {};
  const db = lazyDb(ctx.db);
  const entries = await db.query("lazyEffects").take(MAX_DOCUMENTS + 1);
  for (const view of app.views.values()) views[view.name] = await countRows(ctx, view);
  const failed = await db
    .query("lazyEffects")
    .withIndex("by_failure", (q) => q.gt("failure.failedAt", 0))
    .order("desc")
    .take(MAX_FAILURES);
  const failures: InspectReport["ledger"]["failures"] = [];
  for (const { key, target, failure } of failed) {
    const text = key.slice(target.length + 1);
    const isRecompute = target === pathOf(app, "recompute");
    const work = isRecompute ? (fromCanonicalText(text) as { view: string; args: Value }) : null;
    const entry = { ...failure, key: work?.args ?? text } as Failure;
    const viewReport = work !== null && Object.hasOwn(views, work.view) ? views[work.view] : undefined;
    if (viewReport === undefined) failures.push({ target, ...entry });
    else viewReport.failures.push(entry);
  }
  const more = entries.length > MAX_DOCUMENTS;
  const ledger = { entries: Math.min(entries.length, MAX_DOCUMENTS), more, failures };
  return { problems, stream: health.stream, views, ledger };
}

async function countRows(ctx: AnyQueryCtx, view: ViewDefinition) {
  const found = { rows: 0, stale: 0, more: false, failures: [] as Failure[] };
  for await (const row of ctx.db.query(view.name)) {
    found.more = found.rows === MAX_DOCUMENTS || (await isNearlyOut(ctx));
    if (found.more) break;
    found.rows++;
    if ((await judgeForReader(ctx, view, row as unknown as StoredRow)) !== "fresh") found.stale++;
  }
  return found;
}
