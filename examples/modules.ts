/**
 * The modules of the example app, as `convexTest` and the embedded backend want them. Vite users write
 * `import.meta.glob("./convex/**\/*.ts")`; an explicit list works in plain Node as well.
 */
export const modules = {
  "./convex/_generated/api.js": () => import("./convex/_generated/api.js"),
  "./convex/_generated/server.js": () => import("./convex/_generated/server.js"),
  "./convex/airportStats.ts": () => import("./convex/airportStats"),
  "./convex/dashboard.ts": () => import("./convex/dashboard"),
  "./convex/flights.ts": () => import("./convex/flights"),
  "./convex/http.ts": () => import("./convex/http"),
  "./convex/lazy.ts": () => import("./convex/lazy"),
  "./convex/schema.ts": () => import("./convex/schema"),
};
