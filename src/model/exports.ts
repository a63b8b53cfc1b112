import { environmentVariable, LOG_KEY, STREAM_SECRET } from "../effects/crypto.js";
import { reasonOf } from "../values/describe.js";
import type { LazyApp } from "./app.js";

/** The functions that every app exports for the library. */
export const EXPORTS_OF_ALL = ["recompute", "dispatch", "sweep", "inspect", "heartbeat"] as const;

/** Those that only some views and transports need. */
export const OTHER_EXPORTS = ["act", "tail", "forward"] as const;

export type ExportName = (typeof EXPORTS_OF_ALL)[number] | (typeof OTHER_EXPORTS)[number];

/** The functions, in a proxy that notes which of them the app's module does not take: those are not exported. */
export function noting<Functions extends object>(app: LazyApp, functions: Functions): Functions {
  const taken = new Set<unknown>();
  // A module takes all its exports at once. If it exports the object as a whole, it takes none, so nothing is known.
  void Promise.resolve().then(() => {
    const names = app.forgotten ?? [...EXPORTS_OF_ALL, ...OTHER_EXPORTS];
    if (taken.size > 0) app.forgotten = names.filter((name) => !taken.has(name));
  });
  return new Proxy(functions, {
    get(target, name) {
      if (Object.hasOwn(target, name)) taken.add(name);
      return Reflect.get(target, name);
    },
  });
}

/** Whether a tail carries effects: the app allows that, and the deployment has a key for its log. */
export const isTailing = ({ transports }: LazyApp): boolean =>
  transports.has("logTail") && environmentVariable(LOG_KEY) !== undefined;

/** The environment variables of which a deployment needs at least one, so that effects in its log are carried. */
export function carriersOf({ transports }: LazyApp): string[] {
  return [...(transports.has("logStream") ? [STREAM_SECRET] : []), ...(transports.has("logTail") ? [LOG_KEY] : [])];
}

/**
 * Whether effects are logged. In an app whose clients carry them too, only if the deployment has a reader of the log.
 */
export function leavesByLog(app: LazyApp): boolean {
  const carriers = carriersOf(app);
  return carriers.length > 0 && (!app.transports.has("client") || carriers.some(environmentVariable));
}

/** The functions that the app must export, for its views and for the transports of this deployment. */
export function neededExports(app: LazyApp): ExportName[] {
  const { views, transports } = app;
  const needed: ExportName[] = [...EXPORTS_OF_ALL];
  if (isTailing(app)) needed.push("tail");
  if ([...views.values()].some(({ mode }) => mode === "action")) needed.push("act");
  if (transports.has("client")) needed.push("forward");
  return needed;
}

function exportLine(module: string, names: readonly string[]): string {
  return `convex/${module}.ts must have export const { ${names.join(", ")} } = lazy.functions();`;
}

/** The message for a call of an export that failed, with the remedy in case it is missing. */
export function notCalled(module: string, name: string, cause: unknown): string {
  return `${module}:${name} could not be called: ${reasonOf(cause)} (If it was not found: ${exportLine(module, [name])})`;
}

/** A message for the exports that the app lacks; none when it has all, or that is not known. */
export function forgottenExports(app: LazyApp, but?: ExportName): string[] {
  const { forgotten = [], module } = app;
  if (forgotten.length === 0) return [];
  const names = neededExports(app).filter((name) => name !== but && forgotten.includes(name));
  return names.length > 0 ? [exportLine(module, names)] : [];
}
