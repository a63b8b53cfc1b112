import type { Transport } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";

const TRANSPORTS: readonly Transport[] = ["logStream", "client"];

/** @throws Error naming the value, when it is not a list of transports. */
export function toTransports(transports: unknown = ["logStream"]): Set<Transport> {
  const list: unknown[] = Array.isArray(transports) ? transports : [transports];
  const isKnown = list.every((each) => TRANSPORTS.includes(each as Transport));
  if (list.length > 0 && isKnown) return new Set(list as Transport[]);
  throw new Error(
    `new LazyViews({ transports }) is ${JSON.stringify(transports)}; give ["logStream"], ["client"], or both.`,
  );
}

/**
 * The views by their names.
 *
 * @throws Error when two views have one name, or views are each other's sources.
 */
export function collectViews(
  views: Readonly<Record<string, { readonly definition: ViewDefinition }>>,
): Map<string, ViewDefinition> {
  const byName = new Map<string, ViewDefinition>();
  for (const [property, view] of Object.entries(views)) {
    const definition = view?.definition;
    if (definition === undefined) {
      throw new Error(`new LazyViews({ views }): "${property}" is not a view; make it with defineView().`);
    }
    if (byName.has(definition.name)) {
      throw new Error(
        `new LazyViews({ views }): two views have the name "${definition.name}"; ` +
          "a view's name is its table's, so give each its own.",
      );
    }
    byName.set(definition.name, definition);
  }
  for (const definition of byName.values()) refuseCycle(byName, definition, [definition.name]);
  return byName;
}

/** Views over views are fine; a view that depends on itself through others would be stale for ever. */
function refuseCycle(views: ReadonlyMap<string, ViewDefinition>, view: ViewDefinition, path: readonly string[]): void {
  for (const source of Object.keys(view.sources)) {
    const next = views.get(source);
    if (next === undefined) continue;
    if (source === path[0]) {
      throw new Error(
        `new LazyViews({ views }): ${[...path, source].map((name) => `"${name}"`).join(" ← ")}: ` +
          "these views are each other's sources, so each recompute would make the others stale again.",
      );
    }
    if (!path.includes(source)) refuseCycle(views, next, [...path, source]);
  }
}

/** Source table → the views whose rows its changes concern. */
export function dependentsOf(views: ReadonlyMap<string, ViewDefinition>): Map<string, ViewDefinition[]> {
  const dependents = new Map<string, ViewDefinition[]>();
  for (const view of views.values()) {
    for (const source of Object.keys(view.sources)) {
      dependents.set(source, [...(dependents.get(source) ?? []), view]);
    }
  }
  return dependents;
}
