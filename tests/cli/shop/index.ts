import type { Modules } from "../../../examples/backend";

export { api } from "./_generated/api";
export { default as schema } from "./schema";

/** A shop with a view of its customers' totals. */
export const modules: Modules = {
  "./_generated/api.ts": () => import("./_generated/api"),
  "./http.ts": () => import("./http"),
  "./lazy.ts": () => import("./lazy"),
  "./orders.ts": () => import("./orders"),
};
