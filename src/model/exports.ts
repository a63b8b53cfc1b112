import { reasonOf } from "../values/describe.js";
import type { LazyApp } from "./app.js";

/** The functions that every app exports for the library. */
export const EXPORTS_OF_ALL = ["recompute", "dispatch", "sweep", "inspect", "heartbeat"] as const;

export type ExportName = (typeof EXPORTS_OF_ALL)[number] | "act" | "forward";

/** The functions, of which those that the app's module does not take out of `lazy.functions()` are noted as forgotten. */
export function noting<Functions extends object>(app: LazyApp, functions: Functions): Functions {
  const taken = new Set<unknown>();
  // A module takes all its exports at once. One that exports the object as a whole takes none, which says nothing.
  void Promise.resolve().then(() => {
    if (taken.size > 0) app.forgotten = (app.forgotten ?? neededExports(app)).filter((name) => !taken.has(name));
  });
  return new Proxy(functions, {
    get(target, name) {
      if (Object.hasOwn(target, name)) taken.add(name);
      return Reflect.get(target, name);
    },
  });
}

/** The functions that an app has to export, for its views and transports. */
export function neededExports({ views, transports }: Pick<LazyApp, "views" | "transports">): ExportName[] {
  const needed: ExportName[] = [...EXPORTS_OF_ALL];
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
export function forgottenExports({ forgotten = [], module }: LazyApp, but?: ExportName): string[] {
  const names = forgotten.filter((name) => name !== but);
  return names.length > 0 ? [exportLine(module, names)] : [];
}
