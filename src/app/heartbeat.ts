import { STREAM_SECRET } from "../effects/crypto.js";
import type { Effect } from "../effects/effect.js";
import { sealForClient } from "../effects/transports/client.js";
import { sendByLog } from "../effects/transports/logLines.js";
import { type LazyApp, pathOf } from "../model/app.js";
import type { MutationExecution } from "../model/execution.js";
import { forgottenExports, isTailing, leavesByLog, neededExports } from "../model/exports.js";
import type { Arrival, Beat, SweepJob, TopicsNote } from "../model/jobs.js";
import { type AnyActionCtx, type AnyQueryCtx, type LazyReader, type LazyWriter, lazyDb } from "../schema.js";
import { CANARY_PATIENCE_MS, NOTE_INTERVAL_MS, SECOND } from "../times.js";
import { dropShapes } from "../tracking/store.js";
import { complain } from "../values/describe.js";
import { type Call, callerOf, routeProblem, tryExports } from "./wiring.js";

/*
 * The heartbeat tries everything that an effect needs, and stores what it finds in `lazyHealth`. Its canary is an
 * effect that goes the whole way: a query raises it, the transport delivers it, it is dispatched, and its recompute
 * notes that it has arrived.
 */

/** What `inspect` reports of canaries: the test effects that a heartbeat sends the whole way. */
export interface StreamHealth {
  /** When the pending canary was sent, or else the last one, in ms since 1970; null before the first. */
  canarySentAt: number | null;
  /** When the last one arrived, in ms since 1970; null when none has. */
  canaryArrivedAt: number | null;
  /** How long that one took, in ms. */
  delayMs: number | null;
  /** How many in a row did not arrive within a minute. */
  missed: number;
}

/** The action `heartbeat`: does the work of sweeps, recomputes rows whose effect was lost, and checks the wiring. */
export async function beat(app: LazyApp, ctx: AnyActionCtx): Promise<null> {
  const at = Date.now();
  const call = callerOf(app.module, { query: ctx.runQuery, mutation: ctx.runMutation, action: ctx.runAction });
  const { seen, failed } = await tryExports(app.module, call);
  const attempt: Call = (name, args) =>
    call(name, args).catch((error) => {
      // A missing export explains this error, and is logged below.
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
    const job: Beat = { kind: "beat", at, checked: toCheck(app), failed, route };
    // When the export `recompute` is missing, `sweep` writes the report.
    if (!(await attempt("recompute", { job }))) await attempt("sweep", { job });
  };
  await remember();
  if (isTailing(app)) await attempt("sweep", { job: { kind: "tail", isForced: true } });
  const seals = await attempt("inspect", { ask: { kind: "canary", sentAt: Date.now() } });
  if (seals) await attempt("forward", { seals });
  for (const { name, mode, staleWhen } of app.auditRows > 0 ? app.views.values() : []) {
    // The value of a view with an age may depend on the time: a difference is no fault, and the age repairs it.
    const isClaimed = staleWhen.asksMarks && staleWhen.ages.length === 0;
    if (!isClaimed || (mode !== "transaction" && mode !== "snapshot")) continue;
    const audit = (rows: number, by = call) => by("inspect", { ask: { kind: "audit", view: name, rows } });
    // A row whose compute exceeds the limits of a query must not keep the others from being audited: pass over it.
    const audited = await audit(app.auditRows).catch(() => audit(1).catch(() => audit(0, attempt)));
    if (audited) await attempt("sweep", { job: { kind: "audit", view: name, audited } });
  }
  // Last, because the route may take long to answer.
  const route = await routeProblem(app);
  if (route) {
    complain(route);
    await remember(route);
  }
  return null;
}

const toCheck = (app: LazyApp): string[] => [...neededExports(app), ...app.views.keys()];

/**
 * In the query `inspect`: raises the canary, which leaves as every effect does. When effects do not leave through the
 * log, it returns the seals that a client would forward.
 */
export async function raiseCanary(app: LazyApp, sentAt: number): Promise<unknown> {
  const args: Arrival = { kind: "arrival", sentAt };
  const canary: Effect = { target: pathOf(app, "recompute"), args, windowMs: SECOND };
  return leavesByLog(app) ? sendByLog([canary]) : sealForClient([canary]);
}

/**
 * In the mutation `sweep`: notes that the log stream delivers topics that loop. Returns how many documents it wrote.
 */
export async function writeTopics({ ledger: { db } }: MutationExecution, { topics }: TopicsNote): Promise<number> {
  const now = Date.now();
  const found = await readHealth(db);
  if (now - found.foreignAt < NOTE_INTERVAL_MS) return 0;
  await writeHealth(db, found, { foreignAt: now, foreignTopics: topics });
  return 1;
}

/**
 * In the mutation `recompute` or `sweep`, once or twice a heartbeat: writes what the heartbeat has found. A canary that
 * is on its way and not late keeps its `sentAt`, so that its delay is measured.
 */
export async function writeBeat(execution: MutationExecution, job: Beat): Promise<"clean"> {
  const { app, ledger } = execution;
  const { db } = ledger;
  if (app.isTracking) await dropShapes(db);
  const { at, checked, failed, route } = job;
  const found = await readHealth(db, at);
  const { isWaiting, isLate, missed } = found;
  if (isLate) complain(lostCanary(app));
  const sent = isWaiting && !isLate ? {} : { sentAt: at };
  await writeHealth(db, found, { ...sent, checked, failed, route, missed: isLate ? missed + 1 : missed });
  return "clean";
}

/** In the mutation `recompute`, which the dispatch of the canary has scheduled: the canary has arrived. */
export async function writeArrival({ ledger: { db } }: MutationExecution, { sentAt }: Arrival): Promise<"clean"> {
  const arrivedAt = Date.now();
  await writeHealth(db, await readHealth(db), { arrivedAt, delayMs: arrivedAt - sentAt, missed: 0 });
  return "clean";
}

export async function readHealth(db: LazyReader, now = Date.now()) {
  const found = await db.query("lazyHealth").first();
  const { sentAt = 0, arrivedAt = 0, missed = 0, foreignAt = 0 } = found ?? {};
  const isWaiting = arrivedAt < sentAt;
  const isLate = isWaiting && now - sentAt >= CANARY_PATIENCE_MS;
  return { ...found, sentAt, arrivedAt, missed, foreignAt, isWaiting, isLate };
}

type Health = Awaited<ReturnType<typeof readHealth>>;

export async function writeHealth(db: LazyWriter, { _id }: Health, change: object): Promise<void> {
  await db.patch("lazyHealth", _id ?? (await db.insert("lazyHealth", { missed: 0 })), change);
}

/** Reports the canaries, and adds what the heartbeat has found wrong to `problems`, with the remedy. */
export async function health(app: LazyApp, { db }: AnyQueryCtx, problems: string[]): Promise<StreamHealth> {
  const found = await readHealth(lazyDb(db));
  const { sentAt, arrivedAt, delayMs = null, missed, isWaiting, checked = [], failed = [], route } = found;
  const run = `run npx convex run ${pathOf(app, "heartbeat")}.`;
  const add = (problem: string) => problems.push(`${problem} Then ${run}`);
  // When this code lacks exports, `inspect` reports them itself.
  if (forgottenExports(app).length === 0) failed.forEach(add);
  if (isWaiting && route) add(route);
  if (found.isLate || (isWaiting && missed > 0)) add(lostCanary(app));
  else if (isWaiting) problems.push("Still being checked: the canary is on its way. Run inspect again.");
  if (found.foreignTopics && found.foreignAt > arrivedAt - NOTE_INTERVAL_MS) {
    problems.push(
      `The log stream delivers other topics than "console" (${found.foreignTopics}), ` +
        'and each delivery causes another: choose "console" only.',
    );
  }
  const unchecked = toCheck(app).filter((name) => !checked.includes(name));
  if (unchecked.length > 0) problems.push(`Not checked yet: ${unchecked.join(", ")}; ${run}`);
  return { canarySentAt: sentAt || null, canaryArrivedAt: arrivedAt || null, delayMs, missed };
}

function lostCanary(app: LazyApp): string {
  const remedy =
    app.transports.has("logStream") && !isTailing(app)
      ? "The log stream is deleted, paused, posts to another URL, or signs with another secret than " +
        `${STREAM_SECRET}. Run: npx convex-lazy-views doctor`
      : `See the logs of ${isTailing(app) ? "tail, " : ""}dispatch and recompute.`;
  return `The canary did not come back. ${remedy}`;
}
