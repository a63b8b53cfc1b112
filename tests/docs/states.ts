import { randomBytes } from "node:crypto";
import { cp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { type Backend, type BackendOptions, startBackend } from "../../examples/backend";
import { ROOT } from "../package/pack";

type Options = BackendOptions<never>;

/** The app of a page: its folder, and the options that give its code to a deployment. */
export interface App {
  folder: string;
  /** The text of all its files. */
  code: string;
  options: Pick<Options, "schema" | "modules">;
}

/** A deployment that runs the app. */
export interface Deployment {
  backend: Backend<never>;
  client: ConvexHttpClient;
}

/** The state in which the commands of a block begin, named by a comment `given: …`. */
interface State {
  /** Changes the app's folder. */
  prepare?(folder: string): Promise<void>;
  /** Changes what the deployment starts with. */
  options?(before: Options): Partial<Options>;
  /** Acts on the deployment. */
  act?(deployment: Deployment): Promise<void>;
}

const LOG_KEY = "embedded-backend|0123456789abcdef";
/** The interval of the log stream, in ms. A real one delivers every 5,000 ms. */
const INTERVAL_MS = 20;
const AIRPORT = { airport: "SFO" };

const secret = () => randomBytes(32).toString("hex");
const read = makeFunctionReference<"query">("dashboard:stats");
const write = makeFunctionReference<"mutation">("dashboard:addFlight");

const addFlight = async ({ client }: Deployment, delay: number) =>
  await client.mutation(write, { origin: "SFO", destination: "LAX", delay });

/** The states by name. Without a comment, the app is pushed, and nothing else is set up. */
export const STATES: Record<string, State> = {
  "nothing is wired": {
    async prepare(folder) {
      const schema = [
        'import { defineSchema, defineTable } from "convex/server";',
        'import { v } from "convex/values";',
        "",
        "export default defineSchema({",
        "  flights: defineTable({ origin: v.string(), destination: v.string(), delay: v.number() })",
        '    .index("by_origin", ["origin"]),',
        "});",
      ];
      const http = [
        'import { httpRouter } from "convex/server";',
        "",
        "const http = httpRouter();",
        "export default http;",
      ];
      await removeModules(folder, ["lazy", "crons", "dashboard"]);
      await writeFile(join(folder, "convex/schema.ts"), `${schema.join("\n")}\n`);
      await writeFile(join(folder, "convex/http.ts"), `${http.join("\n")}\n`);
    },
  },
  "the log stream is connected": {
    options() {
      const streamSecret = secret();
      return {
        env: { LAZY_VIEWS_SECRET: secret(), LAZY_VIEWS_STREAM_SECRET: streamSecret },
        logStream: { path: "/lazy-views/effects", secret: streamSecret, intervalMs: INTERVAL_MS },
      };
    },
  },
  "the secrets are set": {
    options: () => ({ env: { LAZY_VIEWS_SECRET: secret(), LAZY_VIEWS_STREAM_SECRET: secret() } }),
  },
  "the log tail is connected": {
    options: () => ({ env: { LAZY_VIEWS_SECRET: secret(), LAZY_VIEWS_LOG_KEY: LOG_KEY }, logKey: LOG_KEY }),
  },
  "the code lacks sweep": {
    options: ({ modules }) => ({
      modules: {
        ...modules,
        "./lazy.js": async () => {
          const { sweep: _, ...others } = ((await modules["./lazy.js"]?.()) ?? {}) as Record<string, unknown>;
          return others;
        },
      },
    }),
  },
  "the log stream has all topics": {
    options: ({ logStream }) => (logStream === undefined ? {} : { logStream: { ...logStream, topics: null } }),
  },
  "a module has a raw mutation": {
    prepare: (folder) =>
      writeFile(
        join(folder, "convex/imports.ts"),
        [
          'import { mutation } from "./_generated/server";',
          "",
          'export const clear = mutation({ handler: async (ctx) => { await ctx.db.query("flights").first(); } });',
          "",
        ].join("\n"),
      ),
  },
  "a row is fresh": {
    async act(deployment) {
      for (const delay of [10, 20, 30]) await addFlight(deployment, delay);
      await deployment.client.query(read, AIRPORT);
      await deployment.backend.idle();
    },
  },
  "the log stream is gone": {
    async act({ backend }) {
      const headers = { authorization: `Convex ${backend.adminKey}`, "content-type": "application/json" };
      const listed = await fetch(`${backend.url}/api/v1/list_log_streams`, { headers });
      const streams = (await listed.json()) as { id: string }[];
      for (const { id } of streams) {
        await fetch(`${backend.url}/api/v1/delete_log_stream/${id}`, { method: "POST", headers });
      }
    },
  },
  "a flight is added": { act: (deployment) => addFlight(deployment, 40).then(() => undefined) },
  "the row is read": { act: ({ client }) => client.query(read, AIRPORT).then(() => undefined) },
  "log.jsonl is a saved log": {
    prepare: (folder) => cp(join(ROOT, "tests/cli/fixtures/exampleWithoutViews.jsonl"), join(folder, "log.jsonl")),
  },
};

async function removeModules(folder: string, names: string[]): Promise<void> {
  for (const name of names) await rm(join(folder, `convex/${name}.ts`), { force: true });
}

/** The prefix of a state that begins only when a command that goes on has printed its first line. */
const MEANWHILE = "meanwhile ";

/** The states that a comment names, separated by commas. */
export interface Given {
  atFirst: State[];
  meanwhile: State[];
  /** Unknown names. */
  unknown: string[];
}

export function readGiven(given: string | undefined): Given {
  const read: Given = { atFirst: [], meanwhile: [], unknown: [] };
  for (const name of given?.split(/,\s*/) ?? []) {
    const isLater = name.startsWith(MEANWHILE);
    const state = STATES[isLater ? name.slice(MEANWHILE.length) : name];
    if (state === undefined) read.unknown.push(name);
    else read[isLater ? "meanwhile" : "atFirst"].push(state);
  }
  return read;
}

export async function startInState({ folder, options: app }: App, { atFirst }: Given): Promise<Deployment> {
  for (const { prepare } of atFirst) await prepare?.(folder);
  const options: Options = { ...app, logStreamIntervalMs: INTERVAL_MS };
  for (const state of atFirst) Object.assign(options, state.options?.(options));
  const backend = await startBackend<never>(options);
  const deployment = { backend, client: new ConvexHttpClient(backend.url, { logger: false }) };
  await reach(deployment, atFirst);
  return deployment;
}

/** Brings a deployment into these states. */
export async function reach(deployment: Deployment, states: readonly State[]): Promise<void> {
  for (const { act } of states) await act?.(deployment);
}
