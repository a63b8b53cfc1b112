import type { LazyApp } from "./app.js";

/** The functions that an app exports for the library. */
export type ExportName = "recompute" | "dispatch" | "sweep" | "inspect" | "heartbeat" | "act" | "forward";

/** Which functions the app's module has taken out of `lazy.functions()`. */
export class TakenExports {
  private readonly names = new Set<string>();
  /** A module has the object as a whole: then each function is taken when it is first called, which says nothing. */
  private isWhole = false;

  take(name: string): void {
    if (this.names.size === 0) {
      // A module takes all of its exports at once.
      void Promise.resolve().then(() => {
        this.isWhole = this.names.size === 1;
      });
    }
    this.names.add(name);
  }

  /** Those of the names that the module did not take; none when it cannot be told. */
  missing(names: readonly ExportName[]): ExportName[] {
    return this.isWhole || this.names.size === 0 ? [] : names.filter((name) => !this.names.has(name));
  }
}

/** The functions that an app has to export, for its views and transports. */
export function neededExports({ views, transports }: Pick<LazyApp, "views" | "transports">): ExportName[] {
  const hasActions = [...views.values()].some(({ mode }) => mode === "action");
  return [
    ...(["recompute", "dispatch", "sweep", "inspect", "heartbeat"] as const),
    ...(hasActions ? (["act"] as const) : []),
    ...(transports.has("client") ? (["forward"] as const) : []),
  ];
}

/** The line that the app's module needs, as a sentence. */
export function exportLine(module: string, names: readonly ExportName[]): string {
  return `convex/${module}.ts must have export const { ${names.join(", ")} } = lazy.functions();`;
}

/** Which exports the app has forgotten, with the remedy; undefined when none is known to be. */
export function forgottenExports(app: LazyApp, but?: ExportName): string | undefined {
  const names = neededExports(app);
  const missing = app.taken.missing(names).filter((name) => name !== but);
  if (missing.length === 0) return undefined;
  return `convex/${app.module}.ts does not export ${missing.join(", ")}: ${exportLine(app.module, names)}`;
}
