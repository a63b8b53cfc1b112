import { createHmac } from "node:crypto";
import { expect, vi } from "vitest";
import { STREAM_SECRET, type TestApp } from "./testApp.js";

const PATH = "/lazy-views/effects";
const LEVELS = ["log", "debug", "info", "warn", "error"] as const;

/** The header with which the log stream signs a body. */
export function streamSignature(body: string | Buffer, secret = STREAM_SECRET): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

/** An event of the topic `console`, in the form that the log stream sends. */
export function consoleEvent(message: string, more: object = {}) {
  return {
    topic: "console",
    timestamp: Date.now(),
    function: { type: "query", path: "run:query", cached: false, request_id: "r" },
    log_level: "DEBUG",
    message,
    is_truncated: false,
    convex: { deployment_name: "test" },
    ...more,
  };
}

/** The field `function` of an event whose result comes from Convex's cache. */
export const CACHED = { function: { type: "query", path: "run:query", cached: true, request_id: "r" } };

/** Posts a body to the app's route, signed unless other headers are given. Fails if the route writes to the console. */
export async function postBody(
  { t }: Pick<TestApp, "t">,
  body: string | Buffer,
  headers: Record<string, string> = { "x-webhook-signature": streamSignature(body) },
): Promise<{ status: number } & Record<string, unknown>> {
  const lines = vi.fn();
  const spies = LEVELS.map((level) => vi.spyOn(console, level).mockImplementation(lines));
  const response = await t.fetch(PATH, { method: "POST", headers, body: body as BodyInit });
  const answer = { status: response.status, ...((await response.json()) as object) };
  expect(lines).not.toHaveBeenCalled();
  for (const spy of spies) spy.mockRestore();
  return answer;
}
