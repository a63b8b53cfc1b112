import { convexTest } from "convex-test";
import schema from "../examples/convex/schema.js";
import { stubEnvironment } from "./testApp.js";

const modules = import.meta.glob("../examples/convex/**/*.{ts,js}");

/** The example app under convex-test, with fake time and its environment variables set. */
export function startApp() {
  stubEnvironment();
  return convexTest({ schema, modules });
}
