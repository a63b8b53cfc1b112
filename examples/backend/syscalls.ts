import { AsyncLocalStorage } from "node:async_hooks";

/** The system calls that `convexTest()` installs as `globalThis.Convex`. */
export interface Syscalls {
  readonly syscall: (op: string, argsJson: string) => string;
  readonly asyncSyscall: (op: string, argsJson: string) => Promise<string>;
  readonly jsSyscall: (op: string, args: Record<string, unknown>) => unknown;
}

/** System calls that replace convex-test's for some code. */
export type Scope = Pick<Syscalls, "syscall" | "asyncSyscall">;

/** The scope that the running code is in. */
export const scopes = new AsyncLocalStorage<Scope>();

let inner: Syscalls | undefined;
let installed: Syscalls | undefined;

/** convex-test's own system calls. */
export function calls(): Syscalls {
  if (inner === undefined) throw new Error("Call convexTest() before recording.");
  return inner;
}

/**
 * Installs system calls that follow the scope of the running code. They look up convex-test's
 * calls each time, because convex-test finds its database by the caller's asynchronous context.
 */
export function install(): void {
  const host = globalThis as { Convex?: Syscalls };
  if (host.Convex !== undefined && host.Convex === installed) return;
  inner = host.Convex;
  calls();
  installed = {
    get syscall() {
      return scopes.getStore()?.syscall ?? calls().syscall;
    },
    get asyncSyscall() {
      return scopes.getStore()?.asyncSyscall ?? calls().asyncSyscall;
    },
    get jsSyscall() {
      return calls().jsSyscall;
    },
  };
  host.Convex = installed;
}
