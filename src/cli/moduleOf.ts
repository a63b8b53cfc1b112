import { functionSpec } from "./convexCli.js";
import type { Deployment } from "./deployment.js";
import { findLazyModule, moduleName } from "./module.js";

/**
 * The module that exports the library's functions: the one of `--module`; else it is found among the deployment's
 * functions, which takes a second.
 *
 * @throws CliError with the remedy, when there is none, or more than one.
 */
export async function moduleOf(deployment: Deployment, asked: string | undefined): Promise<string> {
  if (asked !== undefined) return moduleName(asked);
  return findLazyModule((await functionSpec(deployment)).functions).module;
}
