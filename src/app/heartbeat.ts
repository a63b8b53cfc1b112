import type { Effect } from "../effects/effect.js";
import { sendByLogStream } from "../effects/transports/logStream.js";
import type { LazyApp } from "../model/app.js";
import type { Note, SweepJob } from "../model/jobs.js";
import { type AnyActionCtx, type AnyQueryCtx, type LazyWriter, lazyDb } from "../schema.js";
import { NOTE_INTERVAL_MS, SECOND } from "../times.js";

/*
 * Health of the log stream. A canary is an effect that goes the whole way: a query raises it, the stream delivers it,
 * and its dispatch notes that it has arrived. Topics that loop are noted by the route.
 */

/** What `inspect` reports of the log stream. */
export interface StreamHealth {
  /** When the last canary was sent, in ms since 1970; null when none was. */
  canarySentAt: number | null;
  /** When the last one arrived that did, in ms since 1970. */
  canaryArrivedAt: number | null;
  /** How long it took, in ms. */
  delayMs: number | null;
  /** Canaries in a row that had not arrived when the next one was sent. */
  missed: number;
}

/**
 * The action `heartbeat`: notes that a canary is sent, and has a query raise it; then has what is due handled, and each
 * view looked through for rows whose effect was lost. Logs a view that fails, and goes on with the others.
 */
export async function beat(app: LazyApp, ctx: AnyActionCtx): Promise<null> {
  const now = Date.now();
  if (app.transports.has("logStream")) {
    const job: Note = { kind: "note", what: "sent", at: now };
    await ctx.runMutation(app.refs.sweep, { job });
    await ctx.runQuery(app.refs.inspect, { ask: { kind: "canary", sentAt: now } });
  }
  const due = ["lazyRuns", "lazyTurns", ...app.views.keys()];
  const jobs: SweepJob[] = [
    ...due.map((table) => ({ kind: "due" as const, table, sweepAt: now })),
    ...[...app.views.keys()].map((view) => ({ kind: "backstop" as const, view, at: now })),
  ];
  for (const job of jobs) {
    await ctx.runMutation(app.refs.sweep, { job }).catch((error) => {
      console.error(`convex-lazy-views: the heartbeat failed at ${JSON.stringify(job)}: ${error}`);
    });
  }
  return null;
}

/** In the query: the canary leaves through the log stream, as every effect does. */
export async function raiseCanary(sweep: string, sentAt: number): Promise<null> {
  const job: Note = { kind: "note", what: "arrived", at: sentAt };
  const canary: Effect = { target: sweep, args: { job }, windowMs: SECOND };
  await sendByLogStream([canary]);
  return null;
}

/** Notes topics that loop. It never fails: the stream must not be stopped by it. */
export async function noteTopics(app: LazyApp, ctx: Pick<AnyActionCtx, "runMutation">, topics: string): Promise<void> {
  const job: Note = { kind: "note", what: "foreign topics", at: Date.now(), topics };
  await ctx.runMutation(app.refs.sweep, { job }).catch(() => {});
}

/** The note itself, in the mutation `sweep`. */
export async function writeNote(db: LazyWriter, { what, at, topics }: Note): Promise<{ swept: number }> {
  const found = await db.query("lazyHealth").first();
  const { sentAt, arrivedAt = 0, missed = 0, foreignAt = 0, foreignTopics } = found ?? {};
  const isKnown = foreignTopics === topics && at - foreignAt < NOTE_INTERVAL_MS;
  if (what === "foreign topics" && isKnown) return { swept: 0 };
  const id = found?._id ?? (await db.insert("lazyHealth", { missed: 0 }));
  if (what === "sent") {
    const isMissed = sentAt !== undefined && arrivedAt < sentAt;
    await db.patch("lazyHealth", id, { sentAt: at, missed: isMissed ? missed + 1 : 0 });
  } else if (what === "arrived") {
    const now = Date.now();
    await db.patch("lazyHealth", id, { arrivedAt: now, delayMs: now - at, missed: 0 });
  } else await db.patch("lazyHealth", id, { foreignAt: at, ...(topics && { foreignTopics: topics }) });
  return { swept: 1 };
}

/** What is known of the stream, and what is wrong with it, with the remedy. */
export async function streamHealth({ db }: AnyQueryCtx): Promise<{ stream: StreamHealth; problems: string[] }> {
  const found = await lazyDb(db).query("lazyHealth").first();
  const { sentAt, arrivedAt, delayMs = null, missed = 0, foreignAt, foreignTopics } = found ?? {};
  const problems: string[] = [];
  if (foreignAt !== undefined && foreignAt > (arrivedAt ?? 0) - NOTE_INTERVAL_MS) {
    problems.push(
      `The log stream delivers other topics than "console" (${foreignTopics}): each delivery is itself such an ` +
        'event, for ever, and you pay for it. Edit the stream: choose the topic "console" and no other.',
    );
  }
  if (missed > 0) {
    problems.push(
      `${missed} canary(s) in a row have not come back through the log stream, the last sent at ` +
        `${new Date(sentAt ?? 0).toISOString()}. The stream is deleted, paused, posts to another URL, or signs with ` +
        "another secret than LAZY_VIEWS_STREAM_SECRET. Look under Settings → Integrations.",
    );
  }
  const stream = {
    canarySentAt: sentAt ?? null,
    canaryArrivedAt: arrivedAt ?? null,
    delayMs,
    missed,
  };
  return { stream, problems };
}
