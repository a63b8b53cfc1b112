import { EXPORTS_OF_ALL } from "../../model/exports.js";
import { type FunctionSpec, runFunction } from "../convexCli.js";
import type { Deployment } from "../deployment.js";
import { findLazyModule, hasEffectsRoute, lazyModules } from "../module.js";
import type { Findings } from "./findings.js";

/** What follows from the deployment's functions. */
export interface Deployed {
  module: string;
  exports: string[];
  /** The transports that the code allows. */
  transports: string[];
  /** Exports that are needed and missing. */
  missing: string[];
  hasRoute: boolean;
  /** Whether functions, tables and variables are there, so that effects can leave a query and be dispatched. */
  isComplete: boolean;
}

/** What `inspect` answers to a ping. */
interface Ping {
  problems: string[];
  missing: string[];
  needed: string[];
  transports?: string[];
}

/**
 * Checks the deployment's functions: those of the library must all be in one module.
 *
 * @param push - How to push the functions.
 * @throws CliError with the remedy, when no module has them, or `inspect` fails.
 */
export async function lookAtFunctions(
  findings: Findings,
  deployment: Deployment,
  { spec, asked, push }: { spec: FunctionSpec; asked: string | undefined; push: string },
): Promise<Deployed> {
  const { functions } = spec;
  const modules = lazyModules(functions).map(({ module }) => module);
  const { module, exports } = findLazyModule(functions, asked);
  if (modules.length > 1) {
    findings.advice(
      `More than one module exports functions of lazy.functions(): ${modules.join(", ")}. Jobs call those of one module only.`,
      `leave only those of ${module}, and run ${push}`,
    );
  }
  const hasRoute = hasEffectsRoute(functions);
  const ping = exports.includes("inspect")
    ? ((await runFunction(deployment, `${module}:inspect`, { ask: { kind: "ping" } })) as Ping)
    : undefined;
  const needed = ping?.needed ?? EXPORTS_OF_ALL;
  const missing = needed.filter((name) => !exports.includes(name));
  if (missing.length > 0) {
    const list = missing.map((name) => `${module}:${name}`).join(", ");
    findings.problem(`The deployment has no ${list}, which lazy.functions() returns.`, push);
  } else findings.ok(`The deployment's module ${module} exports the library's functions.`);
  if (ping && !ping.transports) {
    findings.problem("The deployment runs an older release of convex-lazy-views than this command.", push);
  }
  const isComplete = missing.length === 0 && ping?.problems.length === 0;
  return { module, exports, transports: ping?.transports ?? [], missing, hasRoute, isComplete };
}
