import { TRANSPORTS, type Transport } from "../model/app.js";
import type { ViewDefinition } from "../model/definition.js";
import { wrongValue } from "../values/describe.js";

export function toTransports(given: unknown = ["logStream", "logTail"]): Set<Transport> {
  const list = [given].flat();
  if (list.length === 0 || !list.every((each) => TRANSPORTS.includes(each as Transport))) {
    const remedy = 'give some of "logStream", "logTail" and "client"';
    throw new Error(`new LazyViews({ transports }) is ${JSON.stringify(given)}; ${remedy}.`);
  }
  return new Set(list as Transport[]);
}

/** How many rows of each view a heartbeat audits; 0 for none. */
export function toAuditRows(audit: unknown = 3): number {
  if (audit === false) return 0;
  if (Number.isInteger(audit) && Number(audit) > 0) return Number(audit);
  throw wrongValue("new LazyViews: audit", audit, "give how many rows of each view a heartbeat audits, or false");
}

/** Returns the views by name; and for each declared source table, the views whose rows its changes may mark. */
export function collectViews(given: Readonly<Record<string, { readonly definition: ViewDefinition }>>) {
  const views = new Map<string, ViewDefinition>();
  const dependents = new Map<string, ViewDefinition[]>();
  for (const [property, view] of Object.entries(given)) {
    const definition = view?.definition;
    if (definition === undefined) throw wrongViews(`"${property}" is not a view; make it with defineView().`);
    const { name, sources } = definition;
    if (views.has(name)) throw wrongViews(`two views have the name "${name}"; rename one.`);
    views.set(name, definition);
    for (const table of Object.keys(sources)) dependents.set(table, [...(dependents.get(table) ?? []), definition]);
  }
  for (const view of views.values()) {
    refuseCycle(views, view, [view.name]);
    view.siblings = views;
  }
  const isOver = (source: string) => views.get(source)?.mode === "transaction";
  const isTracking = [...views.values()].some(({ isTracked }) => isTracked) || [...dependents.keys()].some(isOver);
  return { views, dependents, isTracking };
}

const wrongViews = (problem: string): Error => new Error(`new LazyViews({ views }): ${problem}`);

/** @throws Error with the path, when a view depends on itself through others: its rows would never be fresh. */
function refuseCycle(views: ReadonlyMap<string, ViewDefinition>, view: ViewDefinition, path: readonly string[]): void {
  for (const source of Object.keys(view.sources)) {
    const next = views.get(source);
    if (next === undefined) continue;
    if (source === path[0]) {
      const cycle = [...path, source].map((name) => `"${name}"`).join(" ← ");
      throw wrongViews(`${cycle}: these views are each other's sources and would never be fresh.`);
    }
    if (!path.includes(source)) refuseCycle(views, next, [...path, source]);
  }
}
