import { randomUUID } from "node:crypto";
import { frames } from "./execution";

/** A change of one variable; the value null removes it. */
export interface EnvironmentChange {
  name: string;
  value: string | null;
}

/** A variable with its value, in the form of Convex's document for it. */
export interface EnvironmentVariable {
  _id: string;
  /** When it was set last, in milliseconds since 1970. */
  _creationTime: number;
  name: string;
  value: string;
}

/** The variables that a deployment has by itself. */
const BUILT_IN = new Set(["CONVEX_CLOUD_URL", "CONVEX_SITE_URL"]);

/** Whether a variable is the deployment's own, which cannot be set or removed. */
export function isBuiltIn(name: string): boolean {
  return BUILT_IN.has(name);
}

/**
 * The environment variables of one deployment. Its functions see only these in `process.env`, also when the process has
 * several deployments. Code outside functions, such as a module's top level, sees the values that any deployment has
 * set last.
 */
export class Environment {
  private readonly variables = new Map<string, EnvironmentVariable>();
  /** Variable → its value in the process before this deployment first set or removed it. */
  private readonly before = new Map<string, string | undefined>();

  constructor() {
    followEnvironment();
  }

  get(name: string): string | undefined {
    return this.variables.get(name)?.value;
  }

  /** All variables but the built-in ones, by name. */
  list(): EnvironmentVariable[] {
    return [...this.variables.values()]
      .filter(({ name }) => !isBuiltIn(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Call it while no function runs that could read the variables. */
  apply(changes: readonly EnvironmentChange[]): void {
    for (const { name, value } of changes) {
      if (!this.before.has(name)) this.before.set(name, process.env[name]);
      if (value === null) this.variables.delete(name);
      else this.variables.set(name, { _id: randomUUID(), _creationTime: Date.now(), name, value });
      setOrDelete(name, value ?? undefined);
    }
  }

  /** Restores the process's own values. */
  restore(): void {
    for (const [name, value] of this.before) setOrDelete(name, value);
  }
}

function setOrDelete(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

let installed: NodeJS.ProcessEnv | undefined;

/** Makes `process.env` show each function the variables of its own deployment; as in Convex, by name only. */
function followEnvironment(): void {
  if (process.env === installed) return;
  installed = new Proxy(process.env, {
    get(outer, name) {
      const frame = frames.getStore();
      if (frame?.kind !== "execution" || typeof name !== "string") return Reflect.get(outer, name);
      // What `console.log(process.env)` prints in Convex.
      return frame.readVariable(name) ?? (name === "inspect" ? () => "[process.env]" : undefined);
    },
    // Without this trap, a proxy defines the property, which `process.env` refuses.
    set: (outer, name, value) => Reflect.set(outer, name, value),
    ownKeys: (outer) => (frames.getStore()?.kind === "execution" ? [] : Reflect.ownKeys(outer)),
  });
  process.env = installed;
}
