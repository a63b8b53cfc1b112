import { createContext, Script } from "node:vm";
import { median } from "../random";
import { bundleApp } from "./bundle";

/** What the library's code takes before a function of an app begins. */
export interface StartupFigures {
  /** Minified bytes of it in the bundle of an app with one view. */
  bundleBytes: number;
  /** Time to compile and evaluate that app over the same without the library; the median of all rounds. */
  timeRatio: number;
  /** The same where both are compiled from a code cache. */
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

/** What both take in each round: in turns, so that what slows the process down for a while slows both. */
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

/** As Convex keeps it of a module: made before anything runs, so that it lacks most functions. */
function codeCache(code: string): Buffer {
  return new Script(code, { filename: nextName() }).createCachedData();
}

/**
 * Compiles and evaluates an app in a context of its own, as Convex does for a function. Compiling is most of it.
 *
 * @param cachedData - Spares a part of compiling. Convex keeps it in its memory, so that the first execution after a
 * push, or after some time, has none.
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

/** Of each script another: under the name of an earlier one, V8 would find it compiled. */
function nextName(): string {
  return `app${scripts++}.js`;
}

/** What Convex's runtime has, as far as an app may ask for it while it is loaded. */
const GLOBALS = { console, crypto, process: { env: {} }, TextDecoder, TextEncoder, URL };
