import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import type { HttpRouter } from "convex/server";
import { qualify } from "../../../examples/backend/components";
import type { LogLevel } from "../../../examples/backend/console";
import type { Globals, Program } from "./program.js";
import type { Schema } from "./store.js";
import { functionPath } from "./syscalls.js";

/** A function of the app, in the form that Convex's builders register. */
export interface Registered {
  invokeQuery?: (args: string) => Promise<string>;
  invokeMutation?: (args: string) => Promise<string>;
  invokeAction?: (requestId: string, args: string) => Promise<string>;
  exportArgs: () => string;
}

/** An app's functions in one deployment. */
export interface Deployed {
  functions: Record<string, Registered>;
  http: HttpRouter;
}

/** The exports of modules, by the names of the modules. */
export type Modules = Record<string, Record<string, unknown>>;

/** The exports of an app's code: its schema, and a function that makes a deployment's functions. */
export interface AppCode<Deployment> {
  schema: Schema;
  deploy: (deployment: Deployment) => Deployed;
  /** Where a component is mounted → the component. */
  components?: Record<string, { schema: Schema; modules: Modules }>;
}

/** What running code calls outside of its isolate. */
export interface Host {
  now(): number;
  random(): number;
  environment(): Record<string, string | undefined>;
  log(level: LogLevel, args: readonly unknown[]): void;
  syscall(op: string, args: string): string;
  asyncSyscall(op: string, args: string): Promise<string>;
  fetch(url: string, init?: RequestInit): Promise<SimulatedResponse>;
  setTimeout(fire: () => void, ms: number): number;
  clearTimeout(timer: number): void;
}

/** The parts of a request that HTTP actions read. */
export interface SimulatedRequest {
  headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The parts of a response that its receiver reads. */
export class SimulatedResponse {
  readonly status: number;

  constructor(
    readonly body: string,
    { status = 200 }: { status?: number } = {},
  ) {
    this.status = status;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  async text(): Promise<string> {
    return this.body;
  }

  async json(): Promise<unknown> {
    return JSON.parse(this.body);
  }
}

/** One evaluation of the app's code. One function at a time runs in it. */
export class Isolate<Deployment> {
  /** The schema of the app and of its components. */
  readonly schema: Schema;
  /** The function that runs in it. */
  host: Host | null = null;
  private readonly code: AppCode<Deployment>;
  private current: { deployment: Deployment; deployed: Deployed } | undefined;

  constructor(program: Program) {
    this.code = this.asNobody(() => program(globalsOf(() => this.running)) as AppCode<Deployment>);
    const { schema } = this.code;
    const tables = this.components().flatMap(([component, own]) =>
      Object.entries(own.schema.tables).map(([name, table]) => [qualify(component, name), table]),
    );
    const allTables = { ...schema.tables, ...Object.fromEntries(tables) };
    this.schema = { ...schema, tables: allTables } as Schema;
  }

  /** Whether the last call of `deploy` was for this deployment. */
  holds(deployment: Deployment): boolean {
    return this.current?.deployment === deployment;
  }

  /** The functions of the app in a deployment, and of its components. */
  deploy(deployment: Deployment): Deployed {
    if (this.current?.deployment !== deployment) {
      const { functions, http } = this.asNobody(() => this.code.deploy(deployment));
      const added = this.components().flatMap(([component, { modules }]) => functionsOf(component, modules));
      const deployed = { http, functions: { ...functions, ...Object.fromEntries(added) } };
      this.current = { deployment, deployed };
    }
    return this.current.deployed;
  }

  private components() {
    return Object.entries(this.code.components ?? {});
  }

  /** Evaluates modules, which is outside of any function. */
  private asNobody<T>(work: () => T): T {
    this.host = NOBODY;
    try {
      return work();
    } finally {
      this.host = null;
    }
  }

  private get running(): Host {
    if (this.host === null) throw new Error("Code ran on after its function had ended.");
    return this.host;
  }
}

/** The host of modules that are evaluated: no function runs yet. */
const NOBODY = { environment: () => ({}) } as unknown as Host;

function functionsOf(component: string, modules: Modules): [path: string, Registered][] {
  return Object.entries(modules).flatMap(([module, exports]) =>
    Object.entries(exports)
      .filter(([, value]) => typeof value === "function" && "exportArgs" in value)
      .map(([name, value]): [string, Registered] => [
        functionPath({ component, path: `${module}:${name}` }),
        value as unknown as Registered,
      ]),
  );
}

function globalsOf(host: () => Host): Globals {
  const log =
    (level: LogLevel) =>
    (...args: unknown[]) =>
      host().log(level, args);
  class VirtualDate extends Date {
    static override now = () => host().now();
    constructor(...args: [] | [number]) {
      super(args.length === 0 ? host().now() : args[0]);
    }
  }
  return {
    Convex: {
      syscall: (op: string, args: string) => host().syscall(op, args),
      asyncSyscall: (op: string, args: string) => host().asyncSyscall(op, args),
    },
    console: {
      debug: log("DEBUG"),
      log: log("LOG"),
      info: log("INFO"),
      warn: log("WARN"),
      error: log("ERROR"),
    },
    Date: VirtualDate as unknown as DateConstructor,
    Math: Object.create(Math, { random: { value: () => host().random() } }),
    crypto: { subtle: SUBTLE },
    process: {
      get env() {
        return host().environment();
      },
    },
    Response: SimulatedResponse,
    fetch: (url: string, init?: RequestInit) => host().fetch(url, init),
    setTimeout: (fire: () => void, ms: number) => host().setTimeout(fire, ms),
    clearTimeout: (timer: number) => host().clearTimeout(timer),
  };
}

/** HMAC-SHA256 and AES-256-GCM that resolve in a microtask, so that timing does not depend on the machine. */
const SUBTLE = {
  importKey: async (_format: string, secret: Uint8Array) => secret,
  sign: async (_name: string, key: Uint8Array, data: Uint8Array | ArrayBuffer) =>
    Uint8Array.from(hmac(key, data)).buffer,
  verify: async (_name: string, key: Uint8Array, signature: Uint8Array, data: Uint8Array | ArrayBuffer) =>
    signature.length === 32 && timingSafeEqual(hmac(key, data), signature),
  encrypt: async ({ iv }: { iv: Uint8Array }, key: Uint8Array, data: Uint8Array) => {
    const cipher = createCipheriv("aes-256-gcm", key, iv);
    return Uint8Array.from(Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()])).buffer;
  },
  decrypt: async ({ iv }: { iv: Uint8Array }, key: Uint8Array, data: Uint8Array) => {
    const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    return Uint8Array.from(Buffer.concat([decipher.update(data.subarray(0, -TAG_BYTES)), decipher.final()])).buffer;
  },
};
const TAG_BYTES = 16;

function hmac(key: Uint8Array, data: Uint8Array | ArrayBuffer): Buffer {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  return createHmac("sha256", key).update(bytes).digest();
}
