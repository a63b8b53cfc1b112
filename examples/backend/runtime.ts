import {
  type FunctionReference,
  type GenericDataModel,
  type GenericMutationCtx,
  type GenericSchema,
  makeFunctionReference,
  type SchemaDefinition,
} from "convex/server";
import { convexToJson, type JSONValue, jsonToConvex, type Value } from "convex/values";
import { convexTest, type TestConvexRoot } from "convex-test";
import type { Activity } from "./activity";
import { systemModules } from "./admin/systemModules";
import { QueryCache, type QueryResult } from "./cache";
import { type Components, qualify, ROOT } from "./components";
import { captureConsole } from "./console";
import type { Environment, EnvironmentChange } from "./environment";
import { httpFailure, nestedError, RequestError, toFailure } from "./errors";
import {
  type Entry,
  Execution,
  frames,
  newEntry,
  newExecutionId,
  newRequestId,
  type Outcome,
  type UdfType,
} from "./execution";
import { containFaults } from "./faults";
import { callKey, entryOf, type FunctionCall } from "./functionCall";
import { type FailedJob, Jobs } from "./jobs";
import { AppFunctions, type FunctionContext, type Handler, type Modules } from "./modules";
import { ALL_VARIABLES, ReadSet, variableChange } from "./readSet";
import { Recording } from "./recorder";
import type { ReportedFunction, Reporter } from "./reporter";
import { RunningActions } from "./runningActions";

type Schema = SchemaDefinition<GenericSchema, boolean>;

/** The outcome of a mutation or action that a client called. */
export interface Answer {
  requestId: string;
  outcome: Outcome;
  lines: Execution["lines"];
  /** A timestamp at which the function's changes are visible. */
  ts: bigint;
}

/**
 * Runs the app's functions in convex-test and watches every one of them: those that clients
 * call, those that convex-test runs by itself because they were scheduled, and those that
 * functions call. Each is wrapped before convex-test sees it.
 *
 * convex-test runs one transaction at a time. When a function ends, its wrapper still holds that
 * turn, so it updates the cache in step with the data: a mutation's changes invalidate results
 * before any other code can read the new data.
 */
export class Runtime {
  readonly cache = new QueryCache();
  readonly jobs: Jobs;
  private readonly actions = new RunningActions();
  private readonly functions: AppFunctions;
  private readonly componentFunctions = new Map<string, AppFunctions>();
  private readonly t: TestConvexRoot<GenericDataModel>;

  constructor(
    private readonly schema: Schema,
    modules: Modules,
    private readonly components: Components,
    private readonly environment: Environment,
    private readonly reporter: Reporter,
    activity: Activity,
  ) {
    captureConsole();
    containFaults();
    this.functions = this.wrapAll(ROOT, schema, modules);
    const t: unknown = convexTest({ schema, modules: this.functions.modules });
    this.t = t as TestConvexRoot<GenericDataModel>;
    for (const [path, component] of Object.entries(components)) {
      const functions = this.wrapAll(path, component.schema, component.modules);
      this.componentFunctions.set(path, functions);
      this.t.registerComponent(path, component.schema, functions.modules);
    }
    this.jobs = new Jobs(
      activity,
      () => this.t.finishInProgressScheduledFunctions(),
      (job) => this.reportFailedJob(job),
    );
  }

  /** Runs a mutation or action for a client. */
  async call(udfType: "mutation" | "action", call: FunctionCall, entry: Entry): Promise<Answer> {
    const outcome = await this.start(udfType, call, entry);
    return {
      requestId: entry.requestId,
      outcome,
      lines: entry.execution?.lines ?? [],
      ts: entry.execution?.committedTs ?? this.cache.ts,
    };
  }

  /** Runs `work` in one read transaction: while it runs, no data changes. */
  async snapshot(work: () => Promise<void>): Promise<void> {
    await this.t.query(async () => {
      await work();
      return null;
    });
  }

  /** Runs a query for a client. Call it in a snapshot. */
  async query(call: FunctionCall, caller: "client" | "http"): Promise<QueryResult> {
    const { component = ROOT } = call;
    const entry = entryOf(call, caller);
    const outcome = await this.start("query", call, entry);
    const result: QueryResult = {
      key: callKey(call),
      path: qualify(component, call.path),
      component,
      identityType: entry.identityType,
      args: call.args,
      requestId: entry.requestId,
      outcome,
      lines: entry.execution?.lines ?? [],
      startedAt: entry.execution?.startedAt ?? Date.now(),
      durationMs: entry.execution?.durationMs ?? 0,
      reads: entry.execution?.reads ?? new ReadSet(new Set(), []),
      ts: this.cache.ts,
      valid: true,
    };
    this.cache.add(result);
    return result;
  }

  /** Answers a request to an HTTP action. */
  async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const router = await this.functions.router();
    if (router === null) {
      return new Response("This Convex deployment does not have HTTP actions enabled.", {
        status: 404,
      });
    }
    if (router.lookup(pathname, request.method as "GET") === null) {
      return new Response("No matching routes found", { status: 404 });
    }
    const entry = newEntry("http", { request });
    try {
      const response = await frames.run(entry, () => this.t.fetch(pathname + search, { method: request.method }));
      this.closeRequest(entry, { success: true, value: { status: response.status } });
      return response;
    } catch (error) {
      const failure = toFailure(error);
      // The function's builder has encoded the data of a ConvexError already.
      if (typeof failure.data === "string") failure.data = JSON.parse(failure.data);
      this.closeRequest(entry, { success: false, failure });
      return httpFailure(entry.requestId, failure);
    }
  }

  /** Runs `work` in a transaction of its own with full access to the database. */
  async run<T>(work: (ctx: GenericMutationCtx<GenericDataModel>) => Promise<T>): Promise<T> {
    return await this.t.run(async (ctx) => {
      const recording = new Recording(this.schema, this.components);
      return await recording.observe(async () => {
        const result = await work({ ...ctx, scheduler: this.jobs.wrap(ctx.scheduler, ROOT) });
        this.cache.commit(await recording.changes());
        return result;
      });
    });
  }

  /** The kind of the called function; null if none exists. HTTP actions are not called by a path. */
  async udfType({ path, component = ROOT }: FunctionCall): Promise<"query" | "mutation" | "action" | null> {
    const udfType = (await this.functionsOf(component)?.find(path))?.udfType ?? null;
    return udfType === "httpAction" ? null : udfType;
  }

  /** Sets and removes environment variables, and invalidates the results of queries that have read them. */
  async changeEnvironment(changes: readonly EnvironmentChange[]): Promise<void> {
    const names = [...changes.map(({ name }) => name), ALL_VARIABLES];
    await this.t.run(async () => {
      this.environment.apply(changes);
      this.cache.commit(names.map(variableChange));
    });
  }

  /** Does what a restart does to functions: running actions fail, and all query results are dropped. */
  interrupt(): void {
    this.actions.interrupt();
    this.cache.clear();
  }

  private async start(udfType: "query" | "mutation" | "action", call: FunctionCall, entry: Entry): Promise<Outcome> {
    const { component = ROOT, path, identity = "unknown" } = call;
    let outcome: Outcome;
    try {
      const functions = this.functionsOf(component);
      if (functions === null) throw new RequestError(`Component path '${component}' does not exist.`);
      await functions.checkAccess(path, udfType, identity, component === ROOT);
      const value = await frames.run(entry, () => this.dispatch(udfType, call));
      outcome = { success: true, value: convexToJson(value ?? null) };
    } catch (error) {
      const failure = toFailure(error);
      // The function exists but did not start, so its arguments were invalid.
      if (entry.execution === null && failure.message.startsWith("Uncaught Error: Validator ")) {
        failure.message = `ArgumentValidationError: ${(error as Error).message}`;
      }
      outcome = { success: false, failure };
    }
    if (entry.execution !== null) this.close(entry.execution, outcome);
    else this.reportUnstarted(udfType, call, entry, outcome);
    return outcome;
  }

  private async dispatch(udfType: "query" | "mutation" | "action", call: FunctionCall): Promise<Value> {
    const { path, component = ROOT, user } = call;
    const args = jsonToConvex(call.args) as Record<string, Value>;
    const t = user === undefined ? this.t : this.t.withIdentity(user);
    // A handle can name a function of any component, and convex-test takes handles in place of references.
    const reference = component === ROOT ? makeFunctionReference(path) : `function://${component};${path}`;
    switch (udfType) {
      case "query":
        return await t.query(reference as FunctionReference<"query">, args);
      case "mutation":
        return await t.mutation(reference as FunctionReference<"mutation">, args);
      case "action":
        return await t.action(reference as FunctionReference<"action">, args);
    }
  }

  private functionsOf(component: string): AppFunctions | null {
    return component === ROOT ? this.functions : (this.componentFunctions.get(component) ?? null);
  }

  private wrapAll(component: string, schema: Schema, modules: Modules): AppFunctions {
    const functions: AppFunctions = new AppFunctions(
      modules,
      (udfType, path, handler) => this.wrap(udfType, component, path, handler),
      systemModules({ schema, specs: () => functions.specs() }),
    );
    return functions;
  }

  private wrap(udfType: UdfType, component: string, path: string, handler: Handler): Handler {
    return async (ctx, arg) => {
      const frame = frames.getStore();
      const entry = frame?.kind === "entry" ? frame : null;
      const caller = frame?.kind === "execution" && !frame.finished ? frame : null;
      const outermost = caller?.isTransaction ? (caller.outermost ?? caller) : null;
      const input = entry?.request ?? arg;
      const execution = new Execution(
        this.environment,
        udfType,
        component,
        qualify(component, path),
        originOf(entry, caller),
        input instanceof Request ? describeRequest(input) : convexToJson(input as Value),
        outermost,
        udfType === "action" || udfType === "httpAction"
          ? (line) => this.reporter.progress(reported(execution), execution.startedAt, line)
          : null,
      );
      if (entry !== null) entry.execution = execution;
      const work = () => this.execute(execution, handler, ctx, input);
      if (entry?.awaited) return await work();
      try {
        const value = await work();
        this.close(execution, { success: true, value: encodeResult(value) });
        return value;
      } catch (error) {
        this.close(execution, { success: false, failure: toFailure(error) });
        throw caller === null ? error : nestedError(error);
      }
    };
  }

  private async execute(
    execution: Execution,
    handler: Handler,
    ctx: FunctionContext,
    input: unknown,
  ): Promise<unknown> {
    const { component } = execution;
    const ownCtx = ctx.scheduler === undefined ? ctx : { ...ctx, scheduler: this.jobs.wrap(ctx.scheduler, component) };
    const run = async (ctx = ownCtx) => {
      const ended = frames.run(execution, async () => await handler(ctx, input));
      // A query's or mutation's code must not run on after its transaction, so wait for the code's end.
      return await Promise.race([execution.failed, execution.isTransaction ? await ended : ended]);
    };
    if (!execution.isTransaction) return await this.actions.run(execution, ownCtx, run);
    if (execution.outermost !== null) return await run();
    const recording = new Recording(this.schema, this.components);
    try {
      return await recording.observe(async () => {
        try {
          const value = await run();
          if (execution.udfType === "mutation") {
            // A value that Convex cannot encode rolls the mutation back, so encode it before the commit.
            encodeResult(value);
            execution.committedTs = this.cache.commit(await recording.changes());
          }
          return value;
        } finally {
          execution.bandwidth = await recording.bandwidth();
          execution.documents = () => recording.documents();
        }
      }, component);
    } finally {
      execution.reads = recording.readSet(execution.variables);
    }
  }

  private closeRequest(entry: Entry, outcome: Outcome): void {
    if (entry.execution !== null) this.close(entry.execution, outcome);
  }

  private close(execution: Execution, outcome: Outcome): void {
    execution.finished = true;
    const { startedAt, durationMs, lines, bandwidth, documents } = execution;
    const run = { outcome, startedAt, durationMs, userDurationMs: durationMs, lines, bandwidth, documents };
    // After a restart, Convex logs the scheduled actions that were running, and no other actions.
    const isForgotten = execution.interrupted && execution.origin.caller !== "scheduler";
    if (execution.outermost === null && !isForgotten) this.reporter.completion(reported(execution), run);
    else this.reporter.execution(reported(execution), run);
  }

  private reportUnstarted(
    udfType: UdfType,
    { path, args, component = ROOT }: FunctionCall,
    entry: Entry,
    outcome: Outcome,
  ): void {
    const source = {
      udfType,
      path: qualify(component, path),
      component,
      ...originOf(entry, null),
      executionId: newExecutionId(),
      args,
    };
    const run = { outcome, startedAt: Date.now(), durationMs: 0, userDurationMs: 0, lines: [], bandwidth: null };
    this.reporter.completion({ ...source, cached: false }, run);
  }

  private reportFailedJob({ entry, target, args, error }: FailedJob): void {
    const { component, path } = target;
    const udfType = this.functionsOf(component)?.udfType(path) ?? "mutation";
    this.reportUnstarted(udfType, { component, path, args }, entry, { success: false, failure: toFailure(error) });
  }
}

function reported({ udfType, path, component, origin, id, args }: Execution): ReportedFunction {
  return { udfType, path, component, ...origin, executionId: id, args, cached: false };
}

/** What started a function: a request's entry, or another function. Both are null if its caller has ended. */
function originOf(entry: Entry | null, caller: Execution | null): Execution["origin"] {
  return {
    caller: entry?.caller ?? "function",
    identityType: entry?.identityType ?? caller?.origin.identityType ?? "unknown",
    requestId: entry?.requestId ?? caller?.origin.requestId ?? newRequestId(),
    parentExecutionId: caller?.id ?? null,
    ...(caller !== null && { parent: caller.path }),
  };
}

function encodeResult(value: unknown): JSONValue {
  return value instanceof Response ? { status: value.status } : convexToJson((value ?? null) as Value);
}

function describeRequest(request: Request): JSONValue {
  const { pathname, search } = new URL(request.url);
  return { method: request.method, url: pathname + search };
}
