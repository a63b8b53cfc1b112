import { functionSpec, runFunction } from "../convexCli.js";
import type { Deployment } from "../deployment.js";
import { findLazyModule, hasEffectsRoute } from "../module.js";
import { CliError } from "../output.js";

/** The parts of the app's code that matter for the transport. */
export interface App {
  /** The module that exports the library's functions. */
  module: string;
  exports: string[];
  /** The transports that its code allows. */
  transports: string[];
  /** Whether the deployment has the route of the log stream. */
  hasRoute: boolean;
}

/**
 * Looks at the functions that the deployment has.
 *
 * @param asked - What `--module` says.
 * @throws CliError with the remedy, when they are not pushed, or the wiring lacks something that each transport needs.
 */
export async function lookAtApp(deployment: Deployment, asked: string | undefined): Promise<App> {
  const { functions } = await functionSpec(deployment);
  const { module, exports } = findLazyModule(functions, asked);
  for (const name of ["inspect", "heartbeat"]) {
    if (!exports.includes(name)) throw new CliError(exportRemedy(module, name));
  }
  const answer = (await runFunction(deployment, `${module}:inspect`, { ask: { kind: "ping" } })) as {
    transports?: string[];
    missing: string[];
  };
  const { transports, missing } = answer;
  if (missing.length > 0) {
    const lines = missing.map((table) => (table.startsWith("lazy") ? "...lazyTables" : `${table}: <its viewTable()>`));
    throw new CliError(
      `convex/schema.ts must have defineSchema({ …, ${[...new Set(lines)].join(", ")} }). ` +
        "Write the line, and push it with `npx convex dev --once`; `npx convex-lazy-views init` writes it for you.",
    );
  }
  if (!transports) {
    throw new CliError(
      "The deployment runs an older release of convex-lazy-views than this command. Push your code with `npx convex dev --once`.",
    );
  }
  const hasRoute = hasEffectsRoute(functions);
  return { module, exports, transports, hasRoute };
}

/** What to write for an export that is missing. */
export function exportRemedy(module: string, name: string): string {
  const line = `export const { ${name} } = lazy.functions();`;
  return `convex/${module}.ts must have \`${line}\` Write the line, and push it by \`npx convex dev --once\`.`;
}
