/**
 * An embedded stand-in for a Convex deployment, for the demo and the browser tests: the
 * official clients connect to it, it runs an app's functions in `convex-test`, keeps
 * subscriptions up to date, caches queries, and delivers console lines as a log stream.
 *
 * The official command line works with it too, by its URL and its admin key: `npx convex run`, `env`, `data`,
 * `function-spec` and `logs`. It takes no code: it runs the app that it was started with.
 *
 * It is not a database: data live in memory. It checks keys of the deployment, but ignores users' tokens.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { DataModelFromSchemaDefinition, GenericMutationCtx, GenericSchema, SchemaDefinition } from "convex/server";
import { Activity } from "./activity";
import { AdminApi } from "./admin/api";
import type { Component, Components } from "./components";
import { Environment } from "./environment";
import { FunctionLogApi } from "./functionLog/endpoints";
import { FunctionLog, type FunctionLogOptions } from "./functionLog/log";
import { HttpApi } from "./http/api";
import { Keys } from "./http/keys";
import { BackendServer } from "./http/server";
import { LogStreamApi } from "./logStream/endpoints";
import type { LogTopic } from "./logStream/events";
import type { LogStreamTarget } from "./logStream/sender";
import { LogStreams } from "./logStream/streams";
import type { Modules } from "./modules";
import { QueryRunner } from "./queries";
import { type Readable, Reporter } from "./reporter";
import { Runtime } from "./runtime";
import { MutationLog } from "./sync/mutationLog";
import { Trace } from "./trace";

export type { Caller, UdfType } from "./execution";
export type { TraceEvent } from "./trace";
export type { Component, Components, Modules, Trace };

/** A webhook log stream that the deployment has from the start. */
export interface LogStreamOptions {
  /** Where events are posted to. Default: `path` at the backend itself. */
  url?: string;
  /** e.g. `"/lazy-views/effects"` */
  path?: string;
  /** The key that bodies are signed with. */
  secret: string;
  /** How long events gather before they are sent. Default: `logStreamIntervalMs`. */
  intervalMs?: number;
  /** One JSON array a request (default), or one JSON object a line. */
  format?: "json" | "jsonl";
  /** The topics of its events. Default: `["console"]`; null: all topics. */
  topics?: LogTopic[] | null;
}

export interface BackendOptions<Schema extends SchemaDefinition<GenericSchema, boolean>> extends Readable {
  schema: Schema;
  /** The app's modules, as `convexTest` takes them, with one of `_generated` among them. */
  modules: Modules;
  /** The components of the app, and those inside them, by their paths. */
  components?: Components;
  /** Default: any free port. */
  port?: number;
  /** The deployment's environment variables. When the backend closes, it restores those of the process. */
  env?: Record<string, string>;
  logStream?: LogStreamOptions;
  /** How often log streams deliver, in milliseconds. Default: 5,000, as Convex does. */
  logStreamIntervalMs?: number;
  /** Whether the deployment's plan has log streams. Default: true. */
  hasLogStreams?: boolean;
  functionLog?: FunctionLogOptions;
  /** The key that may do everything, `<name>|<hex>`. Default: a new one. */
  adminKey?: string;
  /** The key that may only view logs. Default: a new one. */
  logKey?: string;
}

/** A running backend. */
export interface Backend<Schema extends SchemaDefinition<GenericSchema, boolean>> {
  /** The deployment's URL, for clients. */
  readonly url: string;
  /** The URL of HTTP actions; here the same. */
  readonly siteUrl: string;
  /** The key that may do everything; the official command line takes it as `CONVEX_SELF_HOSTED_ADMIN_KEY`. */
  readonly adminKey: string;
  /** A key that may only view logs. */
  readonly logKey: string;
  /** All events so far. They are also served as Server-Sent Events at `/_trace`. */
  readonly trace: Pick<Trace, "subscribe" | "history">;
  /** Runs `work` in one transaction, with full access to the database. */
  run<T>(work: (ctx: GenericMutationCtx<DataModelFromSchemaDefinition<Schema>>) => Promise<T>): Promise<T>;
  /**
   * Resolves when no function is running, no scheduled function is due, every client is up to
   * date, and the log stream has nothing left to deliver.
   */
  idle(): Promise<void>;
  /**
   * Does what a restart of the deployment does. Connections are cut, polls of the function log end with an error, and
   * running actions fail. The function log, the cache and undelivered log events are lost. Data, environment variables,
   * log streams and scheduled functions stay. Clients connect again by themselves; an HTTP request during the restart
   * fails, also one on a connection that a client kept open.
   */
  restart(): Promise<void>;
  /** Cuts connections, fails running actions, drops scheduled functions and log events, and frees the port. */
  close(): Promise<void>;
}

/** Starts a backend. Resolves when clients can connect and the log stream is verified. */
export async function startBackend<Schema extends SchemaDefinition<GenericSchema, boolean>>(
  options: BackendOptions<Schema>,
): Promise<Backend<Schema>> {
  const outside: (work: () => void) => void = AsyncLocalStorage.snapshot();
  const trace = new Trace(outside);
  const activity = new Activity();
  const functionLog = new FunctionLog(options.functionLog);
  const logStreams = new LogStreams(trace, activity, outside);
  const reporter = new Reporter(trace, functionLog, logStreams, options);
  const { schema, modules, components = {} } = options;
  const environment = new Environment();
  const runtime = new Runtime(schema, modules, components, environment, reporter, activity);
  const queries = new QueryRunner(runtime, reporter);
  const keys = new Keys(options.adminKey, options.logKey);
  const services = { runtime, queries, mutations: new MutationLog(), keys, activity, outside };
  const { hasLogStreams: isAllowed = true, logStreamIntervalMs: intervalMs = 5_000 } = options;
  const endpoints = [
    new HttpApi(runtime, queries, keys),
    new FunctionLogApi(functionLog, keys),
    new LogStreamApi(logStreams, keys, { isAllowed, intervalMs }),
    new AdminApi(runtime, environment, keys),
  ];
  const server = new BackendServer(services, endpoints, trace);
  // The first push already writes to a deployment, so even the first snapshot has a time.
  await runtime.run(async () => {});
  const url = await server.listen(options.port ?? 0);
  const env = { CONVEX_CLOUD_URL: url, CONVEX_SITE_URL: url, ...options.env };
  environment.apply(Object.entries(env).map(([name, value]) => ({ name, value })));
  if (options.logStream !== undefined) {
    await logStreams.create(targetOf({ intervalMs, ...options.logStream }, url)).opened;
  }

  return {
    url,
    siteUrl: url,
    adminKey: keys.admin,
    logKey: keys.logs,
    trace,
    run: (work) => activity.track(() => runtime.run(work as never)),
    async idle() {
      for (;;) {
        await activity.settled();
        await logStreams.drained();
        if (runtime.jobs.due) await sleep(1);
        else if (activity.idle && logStreams.empty) return;
      }
    },
    async restart() {
      functionLog.stop();
      await server.disconnect();
      functionLog.startAnew();
      runtime.interrupt();
      await logStreams.restart();
    },
    async close() {
      runtime.jobs.close();
      logStreams.stop();
      functionLog.stop();
      await server.close();
      runtime.interrupt();
      await activity.settled();
      environment.restore();
    },
  };
}

function targetOf(options: LogStreamOptions & { intervalMs: number }, siteUrl: string): LogStreamTarget {
  const { url, path = "/", secret, intervalMs, format = "json", topics = ["console"] } = options;
  return { url: url ?? new URL(path, siteUrl).href, secret, intervalMs, format, topics };
}
