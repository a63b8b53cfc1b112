import type {
  DataModelFromSchemaDefinition,
  DocumentByName,
  GenericActionCtx,
  GenericDatabaseReader,
  GenericDatabaseWriter,
  GenericDataModel,
  SchemaDefinition,
} from "convex/server";
import { defineTable } from "convex/server";
import { v } from "convex/values";
import { type AnyMutationCtx, type LazyApp, ledgerOf } from "./app.js";
import { canonicalText } from "./effects/canonical.js";
import type { Effect } from "./effects/effect.js";
import { ensureSweep, type Sweep } from "./effects/sweep.js";
import { sendByLogStream } from "./effects/transports/logStream.js";
import type { StreamFinding } from "./effects/transports/webhook.js";
import { backstopScan } from "./staleness/backstop.js";
import { scanNow } from "./staleness/eviction.js";
import type { AnyQueryCtx } from "./staleness/predicate.js";

/*
 * Health of the log stream. A canary is an effect that goes the whole way: a query raises it, the stream delivers it,
 * and its dispatch writes down that it has arrived. What the route sees that no working stream would send is written
 * down too. Each note is a call of the mutation `sweep`, under a name that no table can have.
 */

const PREFIX = "health:";
/** The route notes the same finding once in this time, however many requests there are. */
const NOTE_INTERVAL_MS = 60_000;

export const healthTables = {
  // One document. Written twice for each canary, and when the route finds something odd, about once a minute at most.
  lazyHealth: defineTable({
    // When the last canary was sent, and when the last one that arrived was sent and arrived, in ms since 1970.
    sentAt: v.optional(v.number()),
    arrivedAt: v.optional(v.number()),
    delayMs: v.optional(v.number()),
    // Canaries in a row that had not arrived when the next one was sent.
    missed: v.number(),
    // When a request came whose signature was another stream's, or events of topics that loop.
    unauthorizedAt: v.optional(v.number()),
    foreignAt: v.optional(v.number()),
    foreignTopics: v.optional(v.string()),
    // The views that the code had at the last heartbeat, and those that are gone but may have rows. Written when it
    // has others.
    views: v.optional(v.array(v.object({ name: v.string(), version: v.number() }))),
  }),
};

type HealthDataModel = DataModelFromSchemaDefinition<SchemaDefinition<typeof healthTables, true>>;

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

export function isHealthNote({ table }: Sweep): boolean {
  return table.startsWith(PREFIX);
}

/**
 * The action `heartbeat`: notes that a canary is sent, and has a query raise it; notes which views there are; then has
 * each looked through, for rows whose effect was lost. A view that cannot be is said on the console, and stops no other.
 */
export async function beat(app: LazyApp, ctx: GenericActionCtx<GenericDataModel>): Promise<null> {
  const now = Date.now();
  if (app.transports.has("logStream")) {
    await ctx.runMutation(app.refs.sweep, { table: `${PREFIX}sent`, sweepAt: now });
    await ctx.runQuery(app.refs.inspect, { canary: now });
  }
  await ctx.runMutation(app.refs.sweep, { table: `${PREFIX}views`, sweepAt: now });
  for (const table of app.views.keys()) {
    for (const sweep of [{ table, sweepAt: now }, backstopScan(table, now)]) {
      await ctx.runMutation(app.refs.sweep, sweep).catch((error) => {
        console.error(`convex-lazy-views: the heartbeat could not look through ${table}: ${error}`);
      });
    }
  }
  return null;
}

/** In the query: the canary leaves through the log stream, as every effect does. */
export async function raiseCanary(app: LazyApp, sentAt: number): Promise<null> {
  const canary: Effect = {
    target: app.refs.path("sweep"),
    args: { table: `${PREFIX}arrived`, sweepAt: sentAt },
    windowMs: 1_000,
  };
  await sendByLogStream([canary]);
  return null;
}

/** Notes what the route found odd about a request. It never fails: the stream must not be stopped by it. */
export async function noteFinding(
  app: LazyApp,
  ctx: Pick<GenericActionCtx<GenericDataModel>, "runMutation">,
  finding: StreamFinding,
): Promise<void> {
  const note = finding.topics === undefined ? "unauthorized" : `topics:${finding.topics}`;
  const now = Date.now();
  if (now - (app.notedAt.get(note) ?? 0) < NOTE_INTERVAL_MS) return;
  app.notedAt.set(note, now);
  await ctx.runMutation(app.refs.sweep, { table: PREFIX + note, sweepAt: now }).catch(() => {});
}

/** The note itself, in the mutation `sweep`. */
export async function writeNote(
  app: LazyApp,
  ctx: AnyMutationCtx,
  { table, sweepAt: at }: Sweep,
): Promise<{ swept: number }> {
  const db = ctx.db as unknown as GenericDatabaseWriter<HealthDataModel>;
  const found = await db.query("lazyHealth").first();
  const note = table.slice(PREFIX.length);
  if (note === "views") return await noteViews(app, ctx, found, at);
  const id = found?._id ?? (await db.insert("lazyHealth", { missed: 0 }));
  if (note === "sent") {
    const isMissed = found?.sentAt !== undefined && (found.arrivedAt ?? 0) < found.sentAt;
    const missed = isMissed ? (found?.missed ?? 0) + 1 : 0;
    await db.patch("lazyHealth", id, { sentAt: at, missed });
  } else if (note === "arrived") {
    const arrivedAt = Date.now();
    await db.patch("lazyHealth", id, { arrivedAt, delayMs: arrivedAt - at, missed: 0 });
  } else if (note === "unauthorized") {
    await db.patch("lazyHealth", id, { unauthorizedAt: at });
  } else {
    const foreignTopics = note.slice("topics:".length);
    await db.patch("lazyHealth", id, { foreignAt: at, foreignTopics });
  }
  return { swept: 1 };
}

type Health = DocumentByName<HealthDataModel, "lazyHealth">;

/**
 * Notes which views there are. Those that are gone, or have another version, have rows that nobody reads any more: they
 * are looked through at once.
 */
async function noteViews(
  app: LazyApp,
  ctx: AnyMutationCtx,
  found: Health | null,
  now: number,
): Promise<{ swept: number }> {
  const known = found?.views ?? [];
  const current = [...app.views.values()].map(({ name, version }) => ({ name, version }));
  const gone = known.filter(({ name }) => !app.views.has(name));
  const others = known.filter(({ name, version }) => app.views.get(name)?.version !== version);
  for (const { name } of others) await ensureSweep(ledgerOf(app, ctx), scanNow(name, now));
  const views = [...current, ...gone];
  if (canonicalText(views) === canonicalText(known)) return { swept: 0 };
  const db = ctx.db as unknown as GenericDatabaseWriter<HealthDataModel>;
  if (found === null) await db.insert("lazyHealth", { missed: 0, views });
  else await db.patch("lazyHealth", found._id, { views });
  return { swept: others.length };
}

/** After the last row of a view that is gone. */
export async function forgetView(ctx: AnyMutationCtx, gone: string): Promise<void> {
  const db = ctx.db as unknown as GenericDatabaseWriter<HealthDataModel>;
  const found = await db.query("lazyHealth").first();
  if (!found?.views?.some(({ name }) => name === gone)) return;
  const views = found.views.filter(({ name }) => name !== gone);
  await db.patch("lazyHealth", found._id, { views });
}

/** What is known of the stream, and what is wrong with it, with the remedy. */
export async function streamHealth(
  ctx: AnyQueryCtx,
): Promise<{ stream: StreamHealth; problems: string[] }> {
  const db = ctx.db as unknown as GenericDatabaseReader<HealthDataModel>;
  const found = await db.query("lazyHealth").first();
  const { sentAt = 0, arrivedAt = 0, missed = 0, unauthorizedAt = 0, foreignAt = 0 } = found ?? {};
  const problems: string[] = [];
  if (foreignAt > arrivedAt - NOTE_INTERVAL_MS && foreignAt > 0) {
    problems.push(
      `The log stream delivers other topics than "console" (${found?.foreignTopics}): each delivery is itself such an ` +
        'event, for ever, and you pay for it. Edit the stream: choose the topic "console" and no other.',
    );
  }
  if (unauthorizedAt > arrivedAt) {
    problems.push(
      "The log stream's requests are signed with another secret than LAZY_VIEWS_STREAM_SECRET. " +
        "Run: npx convex env set LAZY_VIEWS_STREAM_SECRET <the stream's hmacSecret>",
    );
  } else if (missed > 0) {
    problems.push(
      `${missed} canary(s) in a row have not come back through the log stream, the last sent at ` +
        `${new Date(sentAt).toISOString()}: it is deleted, paused, or posts to another URL. ` +
        "Look under Settings → Integrations.",
    );
  }
  return {
    stream: {
      canarySentAt: found?.sentAt ?? null,
      canaryArrivedAt: found?.arrivedAt ?? null,
      delayMs: found?.delayMs ?? null,
      missed,
    },
    problems,
  };
}
