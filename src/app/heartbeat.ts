import type { Effect } from "../effects/effect.js";
import { acceptedEffectSecrets, environmentVariable, STREAM_SECRET } from "../effects/secrets.js";
import { sendByLogStream } from "../effects/transports/logStream.js";
import { type LazyApp, pathOf } from "../model/app.js";
import type { Note, SweepJob } from "../model/jobs.js";
import { type AnyActionCtx, type AnyQueryCtx, type LazyWriter, lazyDb } from "../schema.js";
import { NOTE_INTERVAL_MS, SECOND } from "../times.js";
import { complain } from "../values/describe.js";

/*
 * Health of the log stream. A canary is an effect that goes the whole way: a query raises it, the stream delivers it,
 * and its dispatch notes that it has arrived. Topics that loop are noted by the route.
 */

/**
 * What `inspect` reports of the log stream: when the last canary was sent, and when one arrived last, in ms since 1970;
 * how long that one took; and how many in a row had not arrived when the next one was sent.
 */
export type StreamHealth = Record<"canarySentAt" | "canaryArrivedAt" | "delayMs", number | null> & { missed: number };

/** The action `heartbeat`: raises a canary, sweeps what is due, and looks for rows whose effect was lost. */
export async function beat(app: LazyApp, ctx: AnyActionCtx): Promise<null> {
  const now = Date.now();
  const { sweep, inspect } = app.refs;
  if (app.transports.has("logStream")) {
    await ctx.runMutation(sweep, { job: { kind: "note", what: "sent", at: now } });
    await ctx.runQuery(inspect, { ask: { kind: "canary", sentAt: now } });
  }
  const views = [...app.views.keys()];
  const jobs: SweepJob[] = [
    ...["lazyRuns", "lazyTurns", ...views].map((table) => ({ kind: "due" as const, table, sweepAt: now })),
    ...views.map((view) => ({ kind: "backstop" as const, view, at: now })),
  ];
  for (const job of jobs) {
    await ctx
      .runMutation(sweep, { job })
      .catch((error) => complain(`the heartbeat failed at ${JSON.stringify(job)}: ${error}`));
  }
  return null;
}

/** In the query: the canary leaves through the log stream, as every effect does. */
export async function raiseCanary(app: LazyApp, sentAt: number): Promise<null> {
  const job: Note = { kind: "note", what: "arrived", at: sentAt };
  const canary: Effect = { target: pathOf(app, "sweep"), args: { job }, windowMs: SECOND };
  await sendByLogStream([canary]);
  return null;
}

/** Notes topics that loop. It never fails: the stream must not be stopped by it. */
export async function noteTopics(app: LazyApp, ctx: Pick<AnyActionCtx, "runMutation">, topics: string): Promise<void> {
  const job: Note = { kind: "note", what: "foreign topics", at: Date.now(), topics };
  await ctx.runMutation(app.refs.sweep, { job }).catch(() => {});
}

/** The note itself, in the mutation `sweep`; returns how many documents it has written. */
export async function writeNote(db: LazyWriter, { what, at, topics }: Note): Promise<number> {
  const found = await db.query("lazyHealth").first();
  const { sentAt = 0, arrivedAt = 0, missed = 0, foreignAt = 0, foreignTopics } = found ?? {};
  const isKnown = foreignTopics === topics && at - foreignAt < NOTE_INTERVAL_MS;
  if (what === "foreign topics" && isKnown) return 0;
  const now = Date.now();
  const changes = {
    sent: { sentAt: at, missed: arrivedAt < sentAt ? missed + 1 : 0 },
    arrived: { arrivedAt: now, delayMs: now - at, missed: 0 },
    "foreign topics": { foreignAt: at, foreignTopics: topics },
  };
  const id = found?._id ?? (await db.insert("lazyHealth", { missed: 0 }));
  await db.patch("lazyHealth", id, changes[what]);
  return 1;
}

/** What is known of the stream, and what is wrong with it, with the remedy. */
export async function streamHealth({ db }: AnyQueryCtx): Promise<{ stream: StreamHealth; problems: string[] }> {
  const found = await lazyDb(db).query("lazyHealth").first();
  const { sentAt = null, arrivedAt = null, delayMs = null, missed = 0, foreignAt, foreignTopics } = found ?? {};
  const problems: string[] = [];
  if (acceptedEffectSecrets().length > 0 && environmentVariable(STREAM_SECRET) === undefined) {
    problems.push(
      `${STREAM_SECRET} is not set, so no effect of a query arrives. Create a webhook log stream with the topic ` +
        `"console" only, and run: npx convex env set ${STREAM_SECRET} <its hmacSecret>`,
    );
  }
  if (foreignAt !== undefined && foreignAt > (arrivedAt ?? 0) - NOTE_INTERVAL_MS) {
    problems.push(
      `The log stream delivers other topics than "console" (${foreignTopics}): each delivery causes another, ` +
        'and you pay for it. Edit the stream: choose "console" only.',
    );
  }
  if (missed > 0) {
    problems.push(
      `${missed} canary(s) in a row did not come back. The log stream is deleted, paused, posts to another URL, or ` +
        `signs with another secret than ${STREAM_SECRET}: see Settings → Integrations.`,
    );
  }
  return { stream: { canarySentAt: sentAt, canaryArrivedAt: arrivedAt, delayMs, missed }, problems };
}
