import type { HttpRouter, PublicHttpAction, RoutableMethod, Scheduler } from "convex/server";
import { type JSONValue, jsonToConvex, type Value } from "convex/values";
import { RequestError } from "./errors";
import { frames, type UdfType } from "./execution";
import { type Identity, type Permission, permissionDenied } from "./http/keys";

/** An app's modules, as `import.meta.glob` gives them and `convexTest` takes them. */
export type Modules = Record<string, () => Promise<unknown>>;

/** The part of a function's `ctx` that the backend looks at. */
export interface FunctionContext {
  scheduler?: Scheduler;
  runQuery?(...args: unknown[]): Promise<unknown>;
  runMutation?(...args: unknown[]): Promise<unknown>;
  runAction?(...args: unknown[]): Promise<unknown>;
}

/** The code of a function. */
export type Handler = (ctx: FunctionContext, arg: unknown) => unknown;

/** Wraps the code of a function. */
export type WrapHandler = (udfType: UdfType, path: string, handler: Handler) => Handler;

/** Convex's description of a function or a route. */
export type FunctionSpec =
  | {
      /** e.g. `messages.js:send` */
      identifier: string;
      functionType: string;
      visibility: { kind: "public" | "internal" };
      /** Validators, as JSON. */
      args: Value;
      returns: Value;
    }
  | { functionType: "HttpAction"; method: RoutableMethod; path: string };

/** What the function builders of `convex/server` return. */
interface RegisteredFunction {
  isQuery?: boolean;
  isMutation?: boolean;
  isAction?: boolean;
  isHttp?: boolean;
  isPublic?: boolean;
  exportArgs?: () => string;
  exportReturns?: () => string;
  _handler: Handler;
}

/** The app's functions, each wrapped, under the paths that clients call them by. */
export class AppFunctions {
  /** The modules with wrapped functions, for `convexTest`. */
  readonly modules: Modules;
  private readonly byName = new Map<string, () => Promise<unknown>>();
  private readonly udfTypes = new Map<string, UdfType>();

  /** @param system the deployment's own modules, by their names: `_system/cli/tables` */
  constructor(
    modules: Modules,
    private readonly wrap: WrapHandler,
    system: Modules = {},
  ) {
    const root = findRoot(modules);
    const own = Object.entries(system).map(([name, load]) => [`${root}${name}.ts`, load] as const);
    const entries = [...Object.entries(modules), ...own].map(([file, load]) => {
      const name = file.slice(root.length).replace(/\.[^.]+$/, "");
      // The function that needs a module first loads it, but the module's code does not belong to that function.
      const loadOnce = once(() => frames.exit(async () => this.wrapModule(name, await load())));
      this.byName.set(name, loadOnce);
      return [file, loadOnce] as const;
    });
    this.modules = Object.fromEntries(entries);
  }

  /**
   * Checks that a caller may run this path as this kind of function.
   *
   * @param isOpen whether clients without a key may run public functions; they may not in a component.
   * @throws RequestError in Convex's words.
   */
  async checkAccess(path: string, udfType: UdfType, identity: Identity, isOpen: boolean): Promise<void> {
    const found = await this.find(path);
    const needed = found === null ? null : permissionFor(path, found, isOpen);
    if (found === null || (needed !== null && identity === "unknown")) {
      throw new RequestError(`Could not find public function for '${path}'.`);
    }
    if (needed !== null && identity === "logs") throw new RequestError(permissionDenied(needed));
    if (found.udfType !== udfType) {
      const [moduleName = "", exportName = "default"] = path.split(":");
      throw new RequestError(
        `Trying to execute ${moduleName}.js:${exportName} as ${capitalize(udfType)}, ` +
          `but it is defined as ${capitalize(found.udfType)}.`,
      );
    }
  }

  /** Loads the function at a path; null if none exists. */
  async find(path: string): Promise<{ udfType: UdfType; isPublic: boolean } | null> {
    const [moduleName = "", exportName = "default"] = path.split(":");
    const module = (await this.byName.get(moduleName)?.()) as Record<string, unknown> | undefined;
    const found = module?.[exportName];
    const udfType = isRegistered(found) ? udfTypeOf(found) : null;
    return isRegistered(found) && udfType !== null ? { udfType, isPublic: found.isPublic === true } : null;
  }

  /** The descriptions of the app's functions and routes, for `npx convex function-spec`. */
  async specs(): Promise<FunctionSpec[]> {
    const specs: FunctionSpec[] = [];
    for (const [name, load] of this.byName) {
      if (name.startsWith("_")) continue;
      for (const [exportName, value] of Object.entries((await load()) as object)) {
        if (isRouter(value)) {
          const routes = value
            .getRoutes()
            .map(([path, method]) => ({ functionType: "HttpAction", method, path }) as const);
          specs.push(...routes);
        }
        const udfType = isRegistered(value) ? udfTypeOf(value) : null;
        if (isRegistered(value) && udfType !== null) specs.push(specOf(`${name}.js:${exportName}`, udfType, value));
      }
    }
    return specs;
  }

  /** The kind of function at a path; null if none exists, or its module is not loaded yet. */
  udfType(path: string): UdfType | null {
    return this.udfTypes.get(path) ?? null;
  }

  /** The router of `http.ts`, or null when the app has none. */
  async router(): Promise<HttpRouter | null> {
    const module = (await this.byName.get("http")?.()) as { default?: HttpRouter } | undefined;
    return module?.default ?? null;
  }

  private wrapModule(name: string, module: unknown): unknown {
    const wrapped: Record<string, unknown> = {};
    for (const [exportName, value] of Object.entries(module as object)) {
      const path = exportName === "default" ? name : `${name}:${exportName}`;
      if (isRegistered(value)) wrapped[exportName] = this.wrapFunction(path, value);
      else if (isRouter(value)) wrapped[exportName] = this.wrapRouter(value);
      else wrapped[exportName] = value;
    }
    return wrapped;
  }

  private wrapFunction(path: string, registered: RegisteredFunction): unknown {
    const udfType = udfTypeOf(registered);
    if (udfType === null) return registered;
    this.udfTypes.set(path, udfType);
    return Object.assign((ctx: FunctionContext, arg: unknown) => registered._handler(ctx, arg), {
      ...registered,
      _handler: this.wrap(udfType, path, registered._handler),
    });
  }

  private wrapRouter(router: HttpRouter): HttpRouter {
    const wrapped: HttpRouter = Object.create(router);
    wrapped.lookup = (path, method) => {
      const found = router.lookup(path, method);
      if (found === null) return null;
      const [endpoint, routedMethod, routedPath] = found;
      const wrappedEndpoint = this.wrapFunction(routeName(routedMethod, routedPath), {
        ...(endpoint as unknown as RegisteredFunction),
      }) as PublicHttpAction;
      return [wrappedEndpoint, routedMethod, routedPath];
    };
    return wrapped;
  }
}

function routeName(method: RoutableMethod, path: string): string {
  return `${method} ${path}`;
}

function findRoot(modules: Modules): string {
  const generated = Object.keys(modules).find((file) => file.includes("_generated"));
  if (generated === undefined) {
    throw new Error(
      `The modules must include one of the "_generated" directory, got ${Object.keys(modules).join(", ")}.`,
    );
  }
  return generated.slice(0, generated.indexOf("_generated"));
}

function isRegistered(value: unknown): value is RegisteredFunction {
  return typeof value === "function" && "_handler" in value;
}

function isRouter(value: unknown): value is HttpRouter {
  return typeof value === "object" && value !== null && "isRouter" in value;
}

function udfTypeOf(registered: RegisteredFunction): UdfType | null {
  if (registered.isQuery) return "query";
  if (registered.isMutation) return "mutation";
  if (registered.isAction) return "action";
  if (registered.isHttp) return "httpAction";
  return null;
}

/** The permission that a caller needs to run a function; null if every client may run it. */
function permissionFor(
  path: string,
  { udfType, isPublic }: { udfType: UdfType; isPublic: boolean },
  isOpen: boolean,
): Permission | null {
  if (path.startsWith("_system/cli/queryEnvironmentVariables")) return "deployment:env:view";
  if (path.startsWith("_system/")) return "deployment:data:view";
  if (isPublic && isOpen) return null;
  if (udfType === "query") return "deployment:functions:runInternalQueries";
  return udfType === "mutation"
    ? "deployment:functions:runInternalMutations"
    : "deployment:functions:runInternalActions";
}

function specOf(identifier: string, udfType: UdfType, registered: RegisteredFunction): FunctionSpec {
  const validator = (json: string | undefined): Value => {
    const parsed: JSONValue = JSON.parse(json ?? "null");
    return jsonToConvex(parsed ?? { type: "any" });
  };
  return {
    identifier,
    functionType: capitalize(udfType),
    visibility: { kind: registered.isPublic === true ? "public" : "internal" },
    args: validator(registered.exportArgs?.()),
    returns: validator(registered.exportReturns?.()),
  };
}

function capitalize(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load();
    return loaded;
  };
}
