import { httpRouter } from "convex/server";
import type { Deployed, Registered } from "../../../tests/simulation/engine/isolate.js";
import * as byHand from "./strategies/byHand";
import * as components from "./strategies/components";
import { type LazyForm, lazyView } from "./strategies/lazy";

export { schema } from "./schema";

const BY_NAME = { ...byHand, ...components };

export type StrategyName = LazyForm | keyof typeof BY_NAME;

/** The app as it is with one of the strategies. */
export function deploy({ strategy }: { strategy: StrategyName }): Deployed {
  if (strategy.startsWith("lazy")) return lazyView(strategy as LazyForm);
  const functions = BY_NAME[strategy as keyof typeof BY_NAME]();
  const named = Object.entries(functions).map(([name, registered]) => [
    `app:${name}`,
    registered as unknown as Registered,
  ]);
  return { functions: Object.fromEntries(named), http: httpRouter() };
}
