import { posix } from "node:path";
import { text } from "node:stream/consumers";
import { createContext, type Module, runInContext, SourceTextModule } from "node:vm";

/*
 * A program that loads bundled modules with only the globals of the web, as in Convex's runtime, and runs one query.
 * It reads `{ modules, query? }` as JSON, and writes an `IsolateReport`.
 */

/** The program's input. */
export interface IsolateInput {
  /** Source by path. */
  modules: Record<string, string>;
  /** A query that is run once all modules are loaded, on an empty database. */
  query?: { module: string; name: string; args: object; env: Record<string, string> };
}

/** The program's output. */
export interface IsolateReport {
  /** The names of every module's exports. */
  exports: Record<string, string[]>;
  /** The members of console, crypto and other globals that the modules used while they were loaded. */
  atLoad: string[];
  /** What the query returned, and what it and the library wrote to the console. */
  query?: { result: unknown; console: { level: string; args: unknown[] }[] };
}

interface BundledFunction {
  _handler(ctx: object, args: object): Promise<unknown>;
}

const used: string[] = [];
const lines: { level: string; args: unknown[] }[] = [];

/** A proxy of the object that records each member that is used. */
function noted<T extends object>(name: string, target: T): T {
  return new Proxy(target, {
    get(_, member) {
      used.push(`${name}.${String(member)}`);
      const value: unknown = Reflect.get(target, member, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const logging = Object.fromEntries(
  ["debug", "log", "info", "warn", "error"].map((level) => [
    level,
    (...args: unknown[]) => lines.push({ level, args }),
  ]),
);

/** The environment variables: none while the modules are loaded. */
const environment: Record<string, string> = {};

const context = createContext({
  console: noted("console", logging),
  crypto: noted("crypto", globalThis.crypto),
  // Convex's runtime has only `env` of it. The code that the CLI generates uses it when it is loaded.
  process: Object.freeze({ env: noted("process.env", environment) }),
  fetch: () => used.push("fetch"),
  TextEncoder,
  TextDecoder,
  URL,
  URLSearchParams,
  Request,
  Response,
  Headers,
  AbortController,
  Blob,
  FormData,
  ReadableStream,
  atob,
  btoa,
  structuredClone,
});
for (const [owner, member] of [
  ["Math", "random"],
  ["Date", "now"],
] as const) {
  const object = runInContext(owner, context) as Record<string, () => number>;
  const original = object[member] as () => number;
  object[member] = () => {
    used.push(`${owner}.${member}`);
    return original();
  };
}

async function load(sources: Record<string, string>): Promise<Map<string, Module>> {
  const modules = new Map<string, Module>();
  for (const [path, source] of Object.entries(sources)) {
    modules.set(path, new SourceTextModule(source, { context, identifier: path }));
  }
  const resolve = (specifier: string, { identifier }: Module) => {
    const imported = modules.get(posix.join(posix.dirname(identifier), specifier));
    if (imported === undefined) throw new Error(`${identifier} imports ${specifier}`);
    return imported;
  };
  for (const module of modules.values()) {
    if (module.status === "unlinked") await module.link(resolve);
    await module.evaluate();
  }
  return modules;
}

/** A database without documents. */
const emptyDb = {
  query: () => ({
    withIndex: () => ({
      first: async () => null,
      collect: async () => [],
      async *[Symbol.asyncIterator]() {},
    }),
  }),
};

const input = JSON.parse(await text(process.stdin)) as IsolateInput;
const modules = await load(input.modules);
const report: IsolateReport = {
  exports: Object.fromEntries([...modules].map(([path, module]) => [path, Object.keys(module.namespace)])),
  atLoad: [...used],
};
if (input.query !== undefined) {
  const { module, name, args, env } = input.query;
  Object.assign(environment, env);
  const namespace = modules.get(module)?.namespace as Record<string, BundledFunction>;
  const result = await namespace[name]?._handler({ db: emptyDb }, args);
  report.query = { result, console: lines };
}
process.stdout.write(JSON.stringify(report));
