import { makeFunctionReference } from "convex/server";
import { EFFECTS_PATH } from "../app/wiring.js";
import { environmentVariable, STREAM_SECRET, sign } from "../effects/crypto.js";
import { MAX_FORWARDED_SEALS } from "../effects/transports/envelope.js";
import { toHex } from "../values/canonical.js";
import { forwardPathOf } from "./collect.js";
import type { TestConvexLike } from "./testConvex.js";

/**
 * Delivers messages as the deployment's log stream does: in one signed request to the route of the app. Messages of an
 * app with only the transport `client` are forwarded, as its clients do.
 *
 * @example
 * ```ts
 * import { collectEffects, deliverEffects } from "convex-lazy-views/test";
 *
 * const { messages } = await collectEffects(() => t.query(api.dashboard.stats, { airport: "SFO" }));
 * await deliverEffects(t, messages); // With LAZY_VIEWS_STREAM_SECRET set; `testViews` sets it.
 * ```
 *
 * @throws Error, when `LAZY_VIEWS_STREAM_SECRET` is not set, or the route answers with another status than 200.
 */
export async function deliverEffects(
  t: Pick<TestConvexLike, "fetch" | "mutation">,
  messages: readonly string[],
): Promise<void> {
  const paths = new Set(messages.map(forwardPathOf));
  for (const path of paths) {
    const own = messages.filter((message) => forwardPathOf(message) === path);
    if (path === undefined) await post(t, own);
    else await forward(t, path, own);
  }
}

async function forward(t: Pick<TestConvexLike, "mutation">, path: string, seals: readonly string[]): Promise<void> {
  const reference = makeFunctionReference<"mutation">(path) as never;
  for (let start = 0; start < seals.length; start += MAX_FORWARDED_SEALS) {
    await t.mutation(reference, { seals: seals.slice(start, start + MAX_FORWARDED_SEALS) } as never);
  }
}

async function post(t: Pick<TestConvexLike, "fetch">, messages: readonly string[]): Promise<void> {
  const secret = environmentVariable(STREAM_SECRET);
  if (secret === undefined) throw new Error(`deliverEffects: set process.env.${STREAM_SECRET} to any text.`);
  const timestamp = Date.now();
  const events = messages.map((message) => ({ topic: "console", timestamp, log_level: "DEBUG", message }));
  const body = JSON.stringify(events);
  const response = await t.fetch(EFFECTS_PATH, {
    method: "POST",
    headers: { "x-webhook-signature": `sha256=${toHex(await sign(body, secret))}` },
    body,
  });
  if (response.status !== 200) {
    throw new Error(
      `deliverEffects: ${EFFECTS_PATH} answered ${response.status}: ${await response.text()}. ` +
        "Does convex/http.ts call lazy.registerRoutes(http)?",
    );
  }
}
