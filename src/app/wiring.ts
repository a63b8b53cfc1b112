import { effectSecret, environmentVariable, STREAM_SECRET } from "../effects/secrets.js";
import { sign } from "../effects/sign.js";
import type { LazyApp } from "../model/app.js";
import { type ExportName, forgottenExports, neededExports } from "../model/exports.js";
import { type AnyQueryCtx, lazyDb } from "../schema.js";
import { toHex } from "../values/canonical.js";
import { reasonOf } from "../values/describe.js";

/*
 * What can be wrong with the wiring, each with its remedy as a sentence. A query sees the secrets, the tables and the
 * exports that were forgotten; calls see exports under another name, and the route.
 */

/** The path of the HTTP route that the deployment's log stream posts to. */
export const EFFECTS_PATH = "/lazy-views/effects";

/** What `inspect` answers to a ping: what a query can see, and the exports that are worth a call. */
type Pong = { problems: string[]; exports: ExportName[] };

const PING = { kind: "ping" };

/** A call of each export that does nothing. */
const PINGS = {
  recompute: ["mutation", { job: PING }],
  dispatch: ["mutation", { effects: [] }],
  sweep: ["mutation", { job: PING }],
  inspect: ["query", { ask: PING }],
  act: ["action", { job: PING }],
  forward: ["mutation", { seals: [] }],
} as const;

/** Calls a function by its path. */
export type Call = (type: "query" | "mutation" | "action", path: string, args: object) => Promise<unknown>;

/**
 * Tries each export of an app.
 *
 * @returns What is wrong: as the query `inspect` sees it, and with exports that could not be called.
 */
export async function tryExports(module: string, call: Call): Promise<{ seen: string[]; failed: string[] }> {
  const failed: string[] = [];
  let reason: unknown;
  const ping = async (name: keyof typeof PINGS): Promise<unknown> => {
    const [type, args] = PINGS[name];
    return await call(type, `${module}:${name}`, args).catch((error) => {
      failed.push(`${module}:${name}`);
      reason ??= error;
    });
  };
  const { problems = [], exports = ["recompute", "dispatch", "sweep"] } = ((await ping("inspect")) ??
    {}) as Partial<Pong>;
  for (const name of exports) if (name !== "inspect" && name !== "heartbeat") await ping(name);
  const remedy =
    `convex/${module}.ts must export what lazy.functions() returns under the same names, and be the file that ` +
    "new LazyViews({ module }) names.";
  const told = `${failed.join(", ")} could not be called: ${remedy} (${reasonOf(reason)})`;
  return { seen: problems, failed: failed.length === 0 ? [] : [told] };
}

/** The answer to a ping. Its caller knows best whether there is a heartbeat. */
export async function answerPing(app: LazyApp, ctx: AnyQueryCtx): Promise<Pong> {
  const tables = await missingTables(app, ctx);
  const problems = [...staticProblems(app, "heartbeat"), ...tables.values()];
  const needed = neededExports(app);
  const missing = app.taken.missing(needed);
  return { problems, exports: needed.filter((name) => !missing.includes(name)) };
}

/** Exports that were forgotten, but for one that is not asked about, and secrets that are not set. */
export function staticProblems(app: LazyApp, but?: ExportName): string[] {
  const forgotten = forgottenExports(app, but);
  const problems = forgotten === null ? [] : [forgotten];
  try {
    effectSecret();
  } catch (error) {
    problems.push(reasonOf(error));
  }
  if (app.transports.has("logStream") && environmentVariable(STREAM_SECRET) === undefined) {
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
  const headers = { "x-webhook-signature": `sha256=${toHex(await sign(body, secret))}` };
  try {
    const response = await fetch(url, { method: "POST", headers, body });
    if (response.status === 200) return undefined;
    if (response.status === 404) {
      return `POST ${url} answers 404: convex/http.ts must call lazy.registerRoutes(http); before export default http;`;
    }
    return `POST ${url} answers ${response.status}: ${(await response.text()).slice(0, 500)}`;
  } catch (error) {
    return `POST ${url} failed: ${reasonOf(error)}`;
  }
}
