import { createContext, Script } from "node:vm";
import { median } from "../random";
import { bundleApp } from "./bundle";

/** The cost of the library's code before a function of an app begins. */
export interface StartupFigures {
  /** Minified bytes of the library in the bundle of an app with one view. */
  bundleBytes: number;
  /** Time to compile and evaluate that app / the same app without the library; the median of all rounds. */
  timeRatio: number;
  /** The same with a code cache for both. */
  timeRatioCached: number;
  lazyMicroseconds: number;
  plainMicroseconds: number;
}

/** @param rounds - Each evaluates both apps once from their source, and once from a code cache. */
export async function measureStartup(rounds: number): Promise<StartupFigures> {
  const lazy = await bundleApp("lazyApp.ts");
  const plain = await bundleApp("plainApp.ts");
  const compiled = times(rounds, lazy.code, plain.code);
  const cached = times(rounds, lazy.code, plain.code, { areCached: true });
  return {
    bundleBytes: Object.values(lazy.libraryBytes).reduce((sum, bytes) => sum + bytes, 0),
    timeRatio: median(compiled.map(({ lazyMs, plainMs }) => lazyMs / plainMs)),
    timeRatioCached: median(cached.map(({ lazyMs, plainMs }) => lazyMs / plainMs)),
    lazyMicroseconds: 1_000 * median(compiled.map(({ lazyMs }) => lazyMs)),
    plainMicroseconds: 1_000 * median(compiled.map(({ plainMs }) => plainMs)),
  };
}

/** The times of both in each round. They run in turns, so that a slow phase of the process slows both. */
function times(
  rounds: number,
  lazy: string,
  plain: string,
  { areCached = false } = {},
): { lazyMs: number; plainMs: number }[] {
  const [lazyCache, plainCache] = areCached ? [lazy, plain].map(codeCache) : [];
  return Array.from({ length: rounds }, (_, round) => {
    const isFirst = round % 2 === 0;
    const before = isFirst ? evaluate(lazy, lazyCache).ms : 0;
    const plainMs = evaluate(plain, plainCache).ms;
    return { lazyMs: isFirst ? before : evaluate(lazy, lazyCache).ms, plainMs };
  });
}

/** A code cache like Convex's of a module: it is made before anything runs, so it lacks most functions. */
function codeCache(code: string): Buffer {
  return new Script(code, { filename: nextName() }).createCachedData();
}

/**
 * Compiles and evaluates an app in a context of its own, as Convex does for a function. Compiling is most of it.
 *
 * @param cachedData - A code cache, which saves a part of compiling. Convex keeps it in memory only, so the first
 * execution after a push, or after some time, has none.
 * @returns The app's exports, and the time it took.
 * @throws Error when V8 does not take the cache.
 */
export function evaluate(code: string, cachedData?: Buffer): { exports: Record<string, unknown>; ms: number } {
  const context = createContext({ ...GLOBALS });
  const filename = nextName();
  const start = performance.now();
  const script = new Script(code, { filename, ...(cachedData && { cachedData }) });
  script.runInContext(context);
  const ms = performance.now() - start;
  if (script.cachedDataRejected) throw new Error("V8 does not take the code cache.");
  return { exports: context.app, ms };
}

let scripts = 0;

/** Names differ: V8 would reuse the compiled code of an earlier script with the same name. */
function nextName(): string {
  return `app${scripts++}.js`;
}

/** The globals of Convex's runtime that an app may use while it is loaded. */
const GLOBALS = { console, crypto, process: { env: {} }, TextDecoder, TextEncoder, URL };
