import { anyApi, type FunctionReference } from "convex/server";
import { vi } from "vitest";
import type { ViewRead } from "../../src/views/read.js";
import { type AppOptions, type QueryCtx, startTestApp } from "../testApp.js";
import { add, type Key, type Totals, tables, totalsView } from "../totals.js";

export const KEY = "logs|0123456789abcdef";
export const POLL_URL = "https://deployment.example/api/stream_function_logs";

const realTick = setImmediate;
/** The step of the fake clock, and the most steps that a condition may take. */
const STEP_MS = 250;
const MAX_STEPS = 4_000;

/** The function log of a deployment, with the answers of its API. */
export class FunctionLog {
  readonly polls: { cursor: number; authorization: string | null }[] = [];
  /** When set, the API answers with this instead of the log. */
  answer: (() => Response) | undefined;
  private readonly entries: { at: number; logLines: string[] }[] = [];
  private readonly waiting = new Set<() => void>();

  /** Adds the completion of a function that logged these lines. */
  write(...logLines: string[]): void {
    this.entries.push({ at: Math.max(Date.now(), (this.entries.at(-1)?.at ?? 0) + 0.001), logLines });
    for (const wake of this.waiting) wake();
  }

  readonly fetch = async (given: string, init: RequestInit): Promise<Response> => {
    const url = new URL(given);
    if (url.origin + url.pathname !== POLL_URL) throw new Error(`no server at ${given}`);
    const cursor = Number(url.searchParams.get("cursor"));
    this.polls.push({ cursor, authorization: new Headers(init.headers).get("authorization") });
    if (this.answer) return this.answer();
    const after = () => this.entries.filter(({ at }) => at > cursor);
    if (after().length === 0) await this.nextEntry(60_000);
    const found = after();
    const entries = found.map(({ logLines }) => ({ kind: "Completion", logLines }));
    return Response.json({ entries, newCursor: found.at(-1)?.at ?? cursor });
  };

  private async nextEntry(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.waiting.delete(wake);
        resolve();
      };
      this.waiting.add(wake);
      setTimeout(wake, ms);
    });
  }
}

/** An app with the view `totals`, on a deployment that has a key for its log. */
export function startTailApp(options: AppOptions = {}) {
  const totals = totalsView();
  const app = startTestApp({ tables, views: { totals }, transports: ["logTail"], ...options });
  const log = new FunctionLog();
  vi.stubEnv("LAZY_VIEWS_STREAM_SECRET", undefined);
  vi.stubEnv("LAZY_VIEWS_LOG_KEY", KEY);
  vi.stubEnv("CONVEX_CLOUD_URL", "https://deployment.example");
  vi.stubGlobal("fetch", log.fetch);

  const read = async (list = "a"): Promise<ViewRead<Totals>> => {
    const { result, messages } = await app.collect((ctx: QueryCtx) => totals.read(ctx, { list } satisfies Key));
    log.write(...messages.map((message) => `[DEBUG] ${message}`));
    return result;
  };
  return {
    ...app,
    log,
    totals,
    read,
    add: (n = 1, list = "a") => app.mutation(add(list, n)),
    tail: async () => (await app.rows("lazyTail"))[0],
    /** The actions that read the log and have not ended. */
    running: async () =>
      (await app.jobs()).filter(({ name, state }) => name === "lazy:tail" && state.kind === "inProgress").length,
    callTail: (args = {}) => app.t.action(anyApi.lazy?.tail as FunctionReference<"action">, args),
    heartbeat: async () => {
      const { messages } = await app.testing.collect(() =>
        app.t.action(anyApi.lazy?.heartbeat as FunctionReference<"action">),
      );
      log.write(...messages.map((message) => `[DEBUG] ${message}`));
    },
    problems: async () => (await app.inspect()).problems,
    /** Lets the fake time pass until a condition holds. */
    async until(condition: () => Promise<unknown>): Promise<void> {
      for (let step = 0; step < MAX_STEPS; step++) {
        if (await condition()) return;
        await vi.advanceTimersByTimeAsync(STEP_MS);
        // Encryption runs outside of the fake clock.
        await new Promise((resolve) => realTick(resolve));
      }
      throw new Error(`until: ${condition} did not come true`);
    },
  };
}
