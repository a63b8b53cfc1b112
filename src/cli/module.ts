import { EFFECTS_PATH } from "../app/wiring.js";
import type { FunctionEntry } from "./convexCli.js";
import { CliError } from "./output.js";

/** A module of the app that exports functions of the library. */
export interface LazyModule {
  /** Its path without an ending, as in `npx convex run lazy:inspect`. */
  module: string;
  /** Which functions of the library it exports. */
  exports: string[];
}

/** The functions of the library, with their types. */
const LIBRARY: Record<string, FunctionEntry["functionType"]> = {
  recompute: "Mutation",
  dispatch: "Mutation",
  sweep: "Mutation",
  inspect: "Query",
  act: "Action",
  heartbeat: "Action",
  tail: "Action",
  forward: "Mutation",
};

/** A module with fewer of these names has them by coincidence. */
const FEWEST = 3;

/** The modules that export functions of the library, the most complete one first. */
export function lazyModules(functions: readonly FunctionEntry[]): LazyModule[] {
  const found = new Map<string, string[]>();
  for (const { identifier = "", functionType, visibility } of functions) {
    const [file = "", name = ""] = identifier.split(":");
    const isOurs = LIBRARY[name] === functionType && (visibility?.kind !== "public" || name === "forward");
    if (!isOurs) continue;
    const module = file.replace(/\.js$/, "");
    found.set(module, [...(found.get(module) ?? []), name]);
  }
  return [...found]
    .map(([module, exports]) => ({ module, exports }))
    .filter(({ exports }) => exports.length >= FEWEST)
    .sort((a, b) => b.exports.length - a.exports.length);
}

/**
 * The module that exports the library's functions.
 *
 * @param asked - What `--module` says.
 * @throws CliError with the remedy, when there is none, or more than one.
 */
export function findLazyModule(functions: readonly FunctionEntry[], asked?: string): LazyModule {
  const modules = lazyModules(functions);
  if (asked !== undefined) {
    const name = moduleName(asked);
    const found = modules.find(({ module }) => module === name);
    if (found) return found;
    throw new CliError(
      `The deployment's module "${name}" exports no functions of lazy.functions(). ${remedy(modules)}`,
    );
  }
  const [found, other] = modules;
  if (found === undefined) {
    throw new CliError(`The deployment has no functions of lazy.functions(). ${remedy(modules)}`);
  }
  if (other) {
    throw new CliError(
      `More than one module exports functions of lazy.functions(): ${names(modules)}. Name one with --module.`,
    );
  }
  return found;
}

/** The module that `--module` names: `convex/lazy.ts` is the module `lazy`. */
export const moduleName = (asked: string): string => asked.replace(/^convex\//, "").replace(/\.[cm]?[jt]sx?$/, "");

/** Whether the deployment has the route of the log stream. */
export const hasEffectsRoute = (functions: readonly FunctionEntry[]): boolean =>
  functions.some(({ functionType, path }) => functionType === "HttpAction" && path === EFFECTS_PATH);

function remedy(modules: LazyModule[]): string {
  if (modules.length > 0) return `These do: ${names(modules)}.`;
  return (
    "If your code wires lazy views already, push it with `npx convex dev --once`; " +
    "otherwise write the wiring with `npx convex-lazy-views init`."
  );
}

const names = (modules: LazyModule[]) => modules.map(({ module }) => module).join(", ");
