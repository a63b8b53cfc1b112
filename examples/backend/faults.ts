import { type Execution, frames } from "./execution";

let installed = false;

/**
 * Prevents unhandled errors of functions from ending the process. As in Convex, a rejected promise that no code awaits
 * fails its function; if the function has ended already, nothing happens. Unhandled errors of other code still end the
 * process.
 */
export function containFaults(): void {
  if (installed) return;
  installed = true;
  process.on("unhandledRejection", (reason) => {
    const frame = frames.getStore();
    if (frame?.kind === "execution") frame.fail(reason);
    else if (frame === undefined && process.listenerCount("unhandledRejection") === 1) throw reason;
  });
  for (const name of ["setInterval", "queueMicrotask"] as const) {
    const outer = globalThis[name] as (callback: Callback, ...rest: unknown[]) => unknown;
    const guarded = (callback: Callback, ...rest: unknown[]) => outer(guard(callback), ...rest);
    globalThis[name] = Object.defineProperties(guarded, Object.getOwnPropertyDescriptors(outer)) as never;
  }
}

/** A callback of a timer or the like: no caller catches its errors. */
export type Callback = (...args: unknown[]) => unknown;

/**
 * Wraps a callback of a function: if it throws, the function fails, and not the process. Returns callbacks of other
 * code unchanged.
 */
export function guard(callback: Callback): Callback {
  const frame = frames.getStore();
  return frame?.kind === "execution" ? (...args) => attempt(frame, () => callback(...args)) : callback;
}

function attempt(execution: Execution, work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return execution.fail(error);
  }
}
