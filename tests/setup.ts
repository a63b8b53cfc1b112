import { convexTest } from "convex-test";
import { vi } from "vitest";
import schema from "../examples/convex/schema.js";

export const EFFECT_SECRET = "0123456789abcdef0123456789abcdef";
export const STREAM_SECRET = "the stream's own secret";

const modules = import.meta.glob("../examples/convex/**/*.{ts,js}");

/** The example app under convex-test, with fake time and its environment variables set. */
export function startApp() {
  vi.useFakeTimers();
  vi.stubEnv("LAZY_VIEWS_SECRET", EFFECT_SECRET);
  vi.stubEnv("LAZY_VIEWS_STREAM_SECRET", STREAM_SECRET);
  return convexTest({ schema, modules });
}
