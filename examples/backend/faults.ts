import { type Execution, frames } from "./execution";

let installed = false;

/**
 * Keeps what functions leave behind from ending the process. A promise that rejects while no code waits for it fails its
 * function, as in Convex; when the function has ended already, nothing happens. What other code leaves behind ends the
 * process as before.
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

/** A callback of a timer or the like: no caller of the function catches what it throws. */
export type Callback = (...args: unknown[]) => unknown;

/**
 * Wraps a callback of a function: when it throws, the function fails in place of the process. Callbacks of other code
 * stay as they are.
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
