import type { Effect } from "../effects/effect.js";
import { sign } from "../effects/hmac.js";
import { findSeals, readSeal } from "../effects/seal.js";
import { STREAM_SECRET } from "../effects/secrets.js";
import { EFFECTS_PATH } from "../lazyViews.js";

declare const process: { env: Record<string, string | undefined> };

/** The part of `convexTest(…)` that is used here. */
export interface TestConvexLike {
  fetch(pathQueryFragment: string, init?: RequestInit): Promise<Response>;
  finishAllScheduledFunctions(advanceTimers: () => void, maxIterations?: number): Promise<void>;
}

/** What a function logged for the library, and the rest of what it did. */
export interface Collected<Result> {
  result: Result;
  /** The console messages with effects, formatted as Convex formats them. */
  messages: string[];
  /** The effects in them, in order: function path, arguments, window in ms, key, seq. */
  effects: Effect[];
}

/**
 * Runs something under `convex-test`, and collects the effects that its queries raised, as the log stream would.
 *
 * ```ts
 * const { result, effects, messages } = await collectEffects(() => t.query(api.dashboard.stats, { airport: "SFO" }));
 * expect(effects).toHaveLength(1);
 * ```
 *
 * Other lines go to the console as usual. Run one at a time.
 */
export async function collectEffects<Result>(
  run: () => Promise<Result>,
): Promise<Collected<Result>> {
  const messages: string[] = [];
  const { debug } = console;
  console.debug = (...args: unknown[]) => {
    const seals = args.length === 1 ? findSeals(String(args[0])) : [];
    if (seals.length === 0) debug.apply(console, args);
    else messages.push(`'${args[0]}'`);
  };
  try {
    const result = await run();
    return { result, messages, effects: messages.flatMap((m) => findSeals(m).flatMap(readSeal)) };
  } finally {
    console.debug = debug;
  }
}

/**
 * Delivers messages to the app's route as the deployment's log stream would: one signed request.
 *
 * ```ts
 * vi.stubEnv("LAZY_VIEWS_STREAM_SECRET", "…");
 * const { messages } = await collectEffects(() => t.query(api.dashboard.stats, { airport: "SFO" }));
 * await deliverEffects(t, messages);
 * ```
 *
 * @throws Error when LAZY_VIEWS_STREAM_SECRET is not set, or the route answers with another status than 200.
 */
export async function deliverEffects(
  t: Pick<TestConvexLike, "fetch">,
  messages: readonly string[],
): Promise<void> {
  const secret = process.env[STREAM_SECRET];
  if (!secret) throw new Error(`deliverEffects: set process.env.${STREAM_SECRET} to any text.`);
  const timestamp = Date.now();
  const body = JSON.stringify(
    messages.map((message) => ({ topic: "console", timestamp, log_level: "DEBUG", message })),
  );
  const hex = [...(await sign(body, secret))].map((b) => b.toString(16).padStart(2, "0")).join("");
  const response = await t.fetch(EFFECTS_PATH, {
    method: "POST",
    headers: { "x-webhook-signature": `sha256=${hex}` },
    body,
  });
  if (response.status !== 200) {
    throw new Error(
      `deliverEffects: ${EFFECTS_PATH} answered ${response.status}: ${await response.text()}. ` +
        "Does convex/http.ts call lazy.registerRoutes(http)?",
    );
  }
}
