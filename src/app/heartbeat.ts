import { makeFunctionReference } from "convex/server";
import type { Effect } from "../effects/effect.js";
import { environmentVariable, STREAM_SECRET } from "../effects/secrets.js";
import { sealForClient } from "../effects/transports/client.js";
import { sendByLogStream } from "../effects/transports/logStream.js";
import { type LazyApp, pathOf } from "../model/app.js";
import { forgottenExports, neededExports } from "../model/exports.js";
import type { Arrival, Beat, SweepJob, TopicsNote } from "../model/jobs.js";
import { type AnyActionCtx, type AnyQueryCtx, type LazyWriter, lazyDb } from "../schema.js";
import { CANARY_PATIENCE_MS, NOTE_INTERVAL_MS, SECOND } from "../times.js";
import { complain } from "../values/describe.js";
import { type Call, routeProblem, tryExports } from "./wiring.js";

/*
 * The heartbeat tries everything that an effect needs, and remembers what it found in `lazyHealth`. A canary is an
 * effect that goes the whole way: a query raises it, the transport delivers it, it is dispatched, and its recompute
 * notes that it has arrived. Topics of the log stream that loop are noted by the route.
 */

/**
 * What `inspect` reports of the log stream: when the canary was sent that is waited for, or the last one when none is,
 * and when one arrived last, in ms since 1970; how long that one took; and how many in a row did not arrive in time.
 */
export type StreamHealth = Record<"canarySentAt" | "canaryArrivedAt" | "delayMs", number | null> & { missed: number };

/** The action `heartbeat`: does the work of sweeps, looks for rows whose effect was lost, and tries the wiring. */
export async function beat(app: LazyApp, ctx: AnyActionCtx): Promise<null> {
  const at = Date.now();
  const call: Call = (type, path, args) => {
    const reference = makeFunctionReference(path) as never;
    if (type === "query") return ctx.runQuery(reference, args as never);
    return type === "mutation" ? ctx.runMutation(reference, args as never) : ctx.runAction(reference, args as never);
  };
  const { seen, failed } = await tryExports(app.module, call);
  const attempt = (name: "recompute" | "sweep" | "inspect" | "forward", args: object) =>
    call(name === "inspect" ? "query" : "mutation", pathOf(app, name), args).catch((error) => {
      // What comes of an export that is missing says nothing more.
      if (failed.length === 0) complain(`the heartbeat failed at ${JSON.stringify(args)}: ${error}`);
    });
  const views = [...app.views.keys()];
  const jobs: SweepJob[] = [
    ...["lazyRuns", "lazyTurns", ...views].map((table) => ({ kind: "due" as const, table, sweepAt: at })),
    ...views.map((view) => ({ kind: "backstop" as const, view, at })),
  ];
  for (const job of jobs) await attempt("sweep", { job });
  for (const problem of [...seen, ...failed]) complain(problem);
  const remember = async (route?: string) => {
    const job: Beat = { kind: "beat", at, checked: toCheck(app), failed, ...(route !== undefined && { route }) };
    // If the one is missing, the other remembers it.
    if ((await attempt("recompute", { job })) === undefined) await attempt("sweep", { job });
  };
  await remember();
  const seals = (await attempt("inspect", { ask: { kind: "canary", sentAt: Date.now() } })) as string[] | undefined;
  if (seals && seals.length > 0) await attempt("forward", { seals });
  // The last, since it may take long to answer.
  const route = app.transports.has("logStream") ? await routeProblem() : undefined;
  if (route !== undefined) {
    complain(route);
    await remember(route);
  }
  return null;
}

/** What a heartbeat looks at: the exports and the views. */
function toCheck(app: LazyApp): string[] {
  return [...neededExports(app), ...app.views.keys()];
}

/**
 * In the query: the canary leaves as every effect does.
 *
 * @returns The seals that a client would forward, when there is no log stream.
 */
export async function raiseCanary(app: LazyApp, sentAt: number): Promise<string[]> {
  const args: Arrival = { kind: "arrival", sentAt };
  const canary: Effect = { target: pathOf(app, "recompute"), args, windowMs: SECOND };
  if (!app.transports.has("logStream")) return await sealForClient([canary]);
  await sendByLogStream([canary]);
  return [];
}

/** Notes topics that loop. It never fails: the stream must not be stopped by it. */
export async function noteTopics(app: LazyApp, ctx: Pick<AnyActionCtx, "runMutation">, topics: string): Promise<void> {
  const job: TopicsNote = { kind: "topics", at: Date.now(), topics };
  await ctx.runMutation(app.refs.sweep, { job }).catch(() => {});
}

/** In the mutation `sweep`; returns how many documents it has written. */
export async function writeTopics(db: LazyWriter, { at, topics }: TopicsNote): Promise<number> {
  const { foreignAt = 0, foreignTopics } = (await db.query("lazyHealth").first()) ?? {};
  if (foreignTopics === topics && at - foreignAt < NOTE_INTERVAL_MS) return 0;
  await writeHealth(db, { foreignAt: at, foreignTopics: topics });
  return 1;
}

/**
 * In the mutation `recompute` or `sweep`; the same heartbeat may do it twice. A canary that has not arrived is waited
 * for, while the next ones are sent.
 */
export async function writeBeat(db: LazyWriter, { at, checked, failed, route }: Beat): Promise<void> {
  const { sentAt = 0, arrivedAt = 0, missed = 0 } = (await db.query("lazyHealth").first()) ?? {};
  const isWaiting = arrivedAt < sentAt;
  const isMissed = isWaiting && at - sentAt >= CANARY_PATIENCE_MS;
  if (isMissed) complain(`a canary was sent ${Math.round((at - sentAt) / SECOND)} s ago and has not arrived.`);
  const sent = isWaiting && !isMissed ? {} : { sentAt: at };
  await writeHealth(db, { ...sent, checked, failed, route, missed: isMissed ? missed + 1 : missed });
}

/** In the mutation `recompute`: the canary's dispatch has started it. */
export async function writeArrival(db: LazyWriter, { sentAt }: Arrival): Promise<void> {
  const arrivedAt = Date.now();
  await writeHealth(db, { arrivedAt, delayMs: arrivedAt - sentAt, missed: 0 });
}

async function writeHealth(db: LazyWriter, change: object): Promise<void> {
  const id = (await db.query("lazyHealth").first())?._id ?? (await db.insert("lazyHealth", { missed: 0 }));
  await db.patch("lazyHealth", id, change);
}

/** What the heartbeat has found, how its canary fares, and what is wrong, with the remedy. */
export async function health(app: LazyApp, { db }: AnyQueryCtx): Promise<{ stream: StreamHealth; problems: string[] }> {
  const found = await lazyDb(db).query("lazyHealth").first();
  const { sentAt = null, arrivedAt = null, delayMs = null, missed = 0, failed = [], route } = found ?? {};
  const { checked, foreignAt, foreignTopics } = found ?? {};
  const isWaiting = (arrivedAt ?? 0) < (sentAt ?? 0);
  const run = `run npx convex run ${pathOf(app, "heartbeat")}`;
  // Those that are known to be forgotten now are told without.
  const isTold = forgottenExports(app) !== undefined;
  const problems = [...(isTold ? [] : failed), ...(isWaiting && route ? [route] : [])].map(
    (each) => `${each} Then ${run}.`,
  );
  if (foreignAt !== undefined && foreignAt > (arrivedAt ?? 0) - NOTE_INTERVAL_MS) {
    problems.push(
      `The log stream delivers other topics than "console" (${foreignTopics}): each delivery causes another, ` +
        'and you pay for it. Edit the stream: choose "console" only.',
    );
  }
  if (isWaiting) problems.push(canaryProblem(app, { agoMs: Date.now() - (sentAt ?? 0), missed }));
  const unseen = toCheck(app).filter((name) => !checked?.includes(name));
  if (checked === undefined) problems.push(`Not checked yet: ${run}, and look again some seconds later.`);
  else if (unseen.length > 0) problems.push(`Not checked yet, as they are new: ${unseen.join(", ")}; ${run}.`);
  return { stream: { canarySentAt: sentAt, canaryArrivedAt: arrivedAt, delayMs, missed }, problems };
}

function canaryProblem({ transports }: LazyApp, { agoMs, missed }: { agoMs: number; missed: number }): string {
  const sent = `a canary that was sent ${Math.round(agoMs / SECOND)} s ago`;
  if (missed === 0 && agoMs < CANARY_PATIENCE_MS) {
    return `Still being checked: ${sent} is on its way, which takes some seconds. Run inspect again.`;
  }
  const lost = missed > 0 ? `${missed} canary(s) in a row did not come back.` : `${sent} did not come back.`;
  if (!transports.has("logStream")) return `${lost} See the logs of dispatch and recompute.`;
  const isTried = environmentVariable("CONVEX_SITE_URL") !== undefined;
  return (
    `${lost} The log stream is deleted, paused, posts to another URL, or signs with another secret than ` +
    `${STREAM_SECRET}: see Settings → Integrations.` +
    (isTried ? "" : " (The route was not checked, as CONVEX_SITE_URL is not set.)")
  );
}
