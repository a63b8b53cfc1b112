import { environmentVariable, LOG_KEY, STREAM_SECRET } from "../effects/crypto.js";
import { reasonOf } from "../values/describe.js";
import type { LazyApp } from "./app.js";

/** The functions that every app exports for the library. */
export const EXPORTS_OF_ALL = ["recompute", "dispatch", "sweep", "inspect", "heartbeat"] as const;

/** Those that only some views and transports need. */
const OTHER_EXPORTS = ["act", "tail", "forward"] as const;

export type ExportName = (typeof EXPORTS_OF_ALL)[number] | (typeof OTHER_EXPORTS)[number];

/** The functions, of which those that the app's module does not take out of `lazy.functions()` are noted as forgotten. */
export function noting<Functions extends object>(app: LazyApp, functions: Functions): Functions {
  const taken = new Set<unknown>();
  // A module takes all its exports at once. One that exports the object as a whole takes none, which says nothing.
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

/** Whether a tail carries effects: the app allows it, and the deployment has a key for its log. */
export const isTailing = ({ transports }: LazyApp): boolean =>
  transports.has("logTail") && environmentVariable(LOG_KEY) !== undefined;

/** The variables of which a deployment needs one, so that what is logged is carried. */
export function carriersOf({ transports }: LazyApp): string[] {
  return [...(transports.has("logStream") ? [STREAM_SECRET] : []), ...(transports.has("logTail") ? [LOG_KEY] : [])];
}

/** Whether effects leave as lines of the log. Where clients carry them too, only if the deployment has what reads it. */
export function leavesByLog(app: LazyApp): boolean {
  const carriers = carriersOf(app);
  return carriers.length > 0 && (!app.transports.has("client") || carriers.some(environmentVariable));
}

/** The functions that an app has to export, for its views and the transports that this deployment has. */
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

/** Says that a call of an export failed, with the remedy for one that is missing. */
export function notCalled(module: string, name: string, cause: unknown): string {
  return `${module}:${name} could not be called: ${reasonOf(cause)} (If it was not found: ${exportLine(module, [name])})`;
}

/** What says which exports the app has forgotten; none when none is known to be. */
export function forgottenExports(app: LazyApp, but?: ExportName): string[] {
  const { forgotten = [], module } = app;
  if (forgotten.length === 0) return [];
  const names = neededExports(app).filter((name) => name !== but && forgotten.includes(name));
  return names.length > 0 ? [exportLine(module, names)] : [];
}
