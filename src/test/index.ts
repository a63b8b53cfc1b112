export type { Uncovered } from "../staleness/coverage.js";
export { type Collected, collectEffects } from "./collect.js";
export { deliverEffects } from "./deliver.js";
export type { Clock, TestConvexLike } from "./testConvex.js";
export { type TestViews, testViews } from "./testViews.js";
