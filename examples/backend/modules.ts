import type { HttpRouter, PublicHttpAction, RoutableMethod, Scheduler } from "convex/server";
import { RequestError } from "./errors";
import type { UdfType } from "./execution";

/** An app's modules, as `import.meta.glob` gives them and `convexTest` takes them. */
export type Modules = Record<string, () => Promise<unknown>>;

/** The part of a function's `ctx` that the backend looks at. */
export interface FunctionContext {
  scheduler?: Scheduler;
}

/** The code of a function. */
export type Handler = (ctx: FunctionContext, arg: unknown) => unknown;

/** Puts something around the code of a function. */
export type WrapHandler = (udfType: UdfType, path: string, handler: Handler) => Handler;

/** What the function builders of `convex/server` return. */
interface RegisteredFunction {
  isQuery?: boolean;
  isMutation?: boolean;
  isAction?: boolean;
  isHttp?: boolean;
  isPublic?: boolean;
  _handler: Handler;
}

/** The app's functions, each wrapped, under the paths that clients call them by. */
export class AppFunctions {
  /** The modules with wrapped functions, for `convexTest`. */
  readonly modules: Modules;
  private readonly byName = new Map<string, () => Promise<unknown>>();
  private readonly udfTypes = new Map<string, UdfType>();

  constructor(
    modules: Modules,
    private readonly wrap: WrapHandler,
  ) {
    const root = findRoot(modules);
    const entries = Object.entries(modules).map(([file, load]) => {
      const name = file.slice(root.length).replace(/\.[^.]+$/, "");
      const loadOnce = once(async () => this.wrapModule(name, await load()));
      this.byName.set(name, loadOnce);
      return [file, loadOnce] as const;
    });
    this.modules = Object.fromEntries(entries);
  }

  /** Checks that a client may call this path as this kind of function. */
  async checkPublic(path: string, udfType: UdfType): Promise<void> {
    const [moduleName = "", exportName = "default"] = path.split(":");
    const module = (await this.byName.get(moduleName)?.()) as Record<string, unknown> | undefined;
    const found = module?.[exportName];
    const actual = isRegistered(found) ? udfTypeOf(found) : null;
    if (!isRegistered(found) || actual === null || found.isPublic !== true) {
      throw new RequestError(`Could not find public function for '${path}'.`);
    }
    if (actual !== udfType) {
      throw new RequestError(
        `Trying to execute ${moduleName}.js:${exportName} as ${capitalize(udfType)}, ` +
          `but it is defined as ${capitalize(actual)}.`,
      );
    }
  }

  /** What kind of function is at this path, as far as its module has been loaded. */
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
