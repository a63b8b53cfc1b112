import { makeFunctionReference } from "convex/server";
import { EFFECT_SECRET, effectSecret, environmentVariable, LOG_KEY, STREAM_SECRET, sign } from "../effects/crypto.js";
import type { LazyApp } from "../model/app.js";
import {
  carriersOf,
  EXPORTS_OF_ALL,
  type ExportName,
  leavesByLog,
  neededExports,
  notCalled,
} from "../model/exports.js";
import { type AnyQueryCtx, lazyDb } from "../schema.js";
import { toHex } from "../values/canonical.js";
import { reasonOf } from "../values/describe.js";

/* Checks of the wiring. Each problem is a sentence with its remedy. */

/** The path of the HTTP route that the deployment's log stream posts to; {@link LazyViews.registerRoutes} adds it. */
export const EFFECTS_PATH = "/lazy-views/effects";

const PING = { kind: "ping" };

/** For each export, arguments with which it does nothing. */
const PINGS = {
  inspect: ["query", { ask: PING }],
  recompute: ["mutation", { job: PING }],
  dispatch: ["mutation", { effects: [] }],
  sweep: ["mutation", { job: PING }],
  act: ["action", { job: PING }],
  tail: ["action", { job: PING }],
  forward: ["mutation", { seals: [] }],
} as const;

/** Calls an export of the app. */
export type Call = (name: keyof typeof PINGS, args: object) => Promise<unknown>;

/** Makes a `Call` of the functions that call queries, mutations and actions. */
export function callerOf(module: string, run: Record<"query" | "mutation" | "action", Run>): Call {
  return (name, args) => run[PINGS[name][0]](makeFunctionReference(`${module}:${name}`) as never, args as never);
}

type Run = (reference: never, args: never) => Promise<unknown>;

/** Calls each export but `heartbeat`. Returns problems: those that a query has `seen`, and calls that have `failed`. */
export async function tryExports(module: string, call: Call): Promise<{ seen: string[]; failed: string[] }> {
  const failed: string[] = [];
  let seen: string[] = [];
  let needed: readonly ExportName[] = EXPORTS_OF_ALL;
  for (const name of Object.keys(PINGS) as (keyof typeof PINGS)[]) {
    if (!needed.includes(name)) continue;
    try {
      const answer = await call(name, PINGS[name][1]);
      if (name === "inspect") ({ problems: seen, needed } = answer as Awaited<ReturnType<typeof lookAtWiring>>);
    } catch (error) {
      failed.push(notCalled(module, name, error));
    }
  }
  return { seen, failed };
}

/**
 * Returns what a query can see: problems with secrets and tables, the missing tables, and the exports that are needed.
 * For the command line, also the transports of the app and the variables that are set.
 */
export async function lookAtWiring(app: LazyApp, { db }: AnyQueryCtx) {
  const problems: string[] = [];
  const missing: string[] = [];
  try {
    effectSecret();
  } catch (error) {
    problems.push(reasonOf(error));
  }
  if (leavesByLog(app) && !carriersOf(app).some(environmentVariable)) {
    const [name, ...others] = carriersOf(app);
    const nor = others.map((other) => `, nor is ${other}`).join("");
    problems.push(`${name} is not set${nor}, so no effect can leave a query. Run: npx convex-lazy-views connect`);
  }
  for (const table of ["lazyEffects", ...app.views.keys()] as "lazyEffects"[]) {
    try {
      // No document has an empty key: this only shows whether the table and the index exist.
      const none = lazyDb(db)
        .query(table)
        .withIndex("by_key", (q) => q.eq("key", ""));
      await none.first();
    } catch (error) {
      missing.push(table);
      const line = app.views.has(table) ? `${table}: <its viewTable()>` : "...lazyTables";
      problems.push(`convex/schema.ts must have defineSchema({ …, ${line} }). (${reasonOf(error)})`);
    }
  }
  const variables = [EFFECT_SECRET, STREAM_SECRET, LOG_KEY].filter(environmentVariable);
  return { problems, missing, needed: neededExports(app), transports: [...app.transports], variables };
}

/** Returns what is wrong with the log stream's route; undefined when nothing is wrong, or it cannot be tried. */
export async function routeProblem({ transports }: LazyApp): Promise<string | undefined> {
  const site = environmentVariable("CONVEX_SITE_URL");
  const secret = environmentVariable(STREAM_SECRET);
  if (!site || !secret || !transports.has("logStream")) return undefined;
  const url = site + EFFECTS_PATH;
  const body = "[]";
  let answer: string;
  try {
    const headers = { "x-webhook-signature": `sha256=${toHex(await sign(body, secret))}` };
    const response = await fetch(url, { method: "POST", headers, body });
    if (response.ok) return undefined;
    answer = `${response.status} ${(await response.text()).slice(0, 300)}`;
  } catch (error) {
    answer = reasonOf(error);
  }
  const remedy = "(If 404: convex/http.ts must call lazy.registerRoutes(http); before export default http;)";
  return `POST ${url} answers: ${answer}. ${remedy}`;
}
