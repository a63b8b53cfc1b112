import { reasonOf } from "../values/describe.js";
import type { LazyApp } from "./app.js";

/** The functions that every app exports for the library. */
export const EXPORTS_OF_ALL = ["recompute", "dispatch", "sweep", "inspect", "heartbeat"] as const;

export type ExportName = (typeof EXPORTS_OF_ALL)[number] | "act" | "forward";

/** The functions, each of which notes that the app's module takes it out of `lazy.functions()`. */
export function noting<Functions extends object>(app: LazyApp, functions: Functions): Functions {
  // A module takes all its exports at once. One that exports the object as a whole takes none, which says nothing.
  void Promise.resolve().then(() => {
    app.forgotten = app.taken.size > 1 ? neededExports(app).filter((name) => !app.taken.has(name)) : [];
  });
  return new Proxy(functions, {
    get(target, name) {
      app.taken.add(name);
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

function exportLine(module: string, names: readonly ExportName[]): string {
  return `convex/${module}.ts must have export const { ${names.join(", ")} } = lazy.functions();`;
}

/** Says that a call of an export failed, with the remedy for one that is missing. */
export function notCalled(module: string, name: string, needed: readonly ExportName[], cause: unknown): string {
  return `${module}:${name} could not be called: ${reasonOf(cause)} (If it was not found: ${exportLine(module, needed)})`;
}

/** Which exports the app has forgotten, with the remedy: one text, or none when none is known to be. */
export function forgottenExports(app: LazyApp, but?: ExportName): string[] {
  const names = app.forgotten.filter((name) => name !== but);
  if (names.length === 0) return [];
  return [`convex/${app.module}.ts does not export ${names.join(", ")}: ${exportLine(app.module, neededExports(app))}`];
}
