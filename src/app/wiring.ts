import { sign } from "../effects/crypto.js";
import { effectSecret, environmentVariable, STREAM_SECRET } from "../effects/secrets.js";
import type { LazyApp } from "../model/app.js";
import { type ExportName, exportLine, neededExports } from "../model/exports.js";
import { type AnyQueryCtx, lazyDb } from "../schema.js";
import { toHex } from "../values/canonical.js";
import { reasonOf } from "../values/describe.js";

/*
 * What can be wrong with the wiring, each with its remedy as a sentence. A query sees the secrets, the tables and the
 * exports that were forgotten; calls see exports under another name, and the route.
 */

/** The path of the HTTP route that the deployment's log stream posts to. */
export const EFFECTS_PATH = "/lazy-views/effects";

const PING = { kind: "ping" };

/** A call of each export that does nothing. */
const PINGS = {
  inspect: ["query", { ask: PING }],
  recompute: ["mutation", { job: PING }],
  dispatch: ["mutation", { effects: [] }],
  sweep: ["mutation", { job: PING }],
  act: ["action", { job: PING }],
  forward: ["mutation", { seals: [] }],
} as const;

/** What `inspect` answers to a ping: what is wrong with secrets and tables, and what the app has to export. */
type Pong = { problems: string[]; exports: ExportName[] };

/** Calls a function by its path. */
export type Call = (type: "query" | "mutation" | "action", path: string, args: object) => Promise<unknown>;

/**
 * Tries each export of an app, but for `heartbeat`.
 *
 * @returns What is wrong: what `inspect` has `seen`, and which exports have `failed`.
 */
export async function tryExports(module: string, call: Call): Promise<{ seen: string[]; failed: string[] }> {
  const failed: string[] = [];
  let pong: Pong = { problems: [], exports: ["recompute", "dispatch", "sweep", "inspect", "heartbeat"] };
  let reason = "";
  for (const [name, [type, args]] of Object.entries(PINGS)) {
    if (!pong.exports.includes(name as ExportName)) continue;
    try {
      const answer = await call(type, `${module}:${name}`, args);
      if (name === "inspect") pong = answer as Pong;
    } catch (error) {
      failed.push(`${module}:${name}`);
      reason ||= reasonOf(error);
    }
  }
  if (failed.length === 0) return { seen: pong.problems, failed };
  const remedy = `${exportLine(module, pong.exports)} It must be the module of new LazyViews(), too.`;
  return { seen: pong.problems, failed: [`${failed.join(", ")} could not be called: ${remedy} (${reason})`] };
}

export async function answerPing(app: LazyApp, ctx: AnyQueryCtx): Promise<Pong> {
  const tables = await missingTables(app, ctx);
  return { problems: [...missingSecrets(app), ...tables.values()], exports: neededExports(app) };
}

/** Secrets that are not set, or too short. */
export function missingSecrets({ transports }: LazyApp): string[] {
  const problems: string[] = [];
  try {
    effectSecret();
  } catch (error) {
    problems.push(reasonOf(error));
  }
  if (transports.has("logStream") && environmentVariable(STREAM_SECRET) === undefined) {
    problems.push(
      `${STREAM_SECRET} is not set, so no effect of a query arrives. Create a webhook log stream with the topic ` +
        `"console" only, and run: npx convex env set ${STREAM_SECRET} <its hmacSecret>`,
    );
  }
  return problems;
}

/** The tables that the schema lacks, or has without our indexes: name → problem. The library's own count as one. */
export async function missingTables(app: LazyApp, ctx: AnyQueryCtx): Promise<Map<string, string>> {
  const problems = new Map<string, string>();
  const look = async (table: string, remedy: string) => {
    try {
      // No document has this key.
      const none = lazyDb(ctx.db)
        .query(table as "lazyEffects")
        .withIndex("by_key", (q) => q.eq("key", ""));
      await none.first();
    } catch (error) {
      problems.set(table, `convex/schema.ts lacks ${remedy} (${reasonOf(error)})`);
    }
  };
  await look("lazyEffects", "the tables of the library: write defineSchema({ …, ...lazyTables }).");
  for (const name of app.views.keys()) {
    await look(name, `the table of the view "${name}": write defineSchema({ …, ${name}: <its viewTable()> }).`);
  }
  return problems;
}

/** What is wrong with the log stream's route; undefined when nothing is, or it cannot be tried. */
export async function routeProblem(): Promise<string | undefined> {
  const site = environmentVariable("CONVEX_SITE_URL");
  const secret = environmentVariable(STREAM_SECRET);
  if (site === undefined || secret === undefined) return undefined;
  const url = site + EFFECTS_PATH;
  const body = "[]";
  try {
    const headers = { "x-webhook-signature": `sha256=${toHex(await sign(body, secret))}` };
    const response = await fetch(url, { method: "POST", headers, body });
    if (response.status === 200) return undefined;
    const said = (await response.text()).slice(0, 300);
    const remedy = "convex/http.ts must call lazy.registerRoutes(http); before export default http;";
    return `POST ${url} answers ${response.status}: ${response.status === 404 ? remedy : said}`;
  } catch (error) {
    return `POST ${url} failed: ${reasonOf(error)}.`;
  }
}
