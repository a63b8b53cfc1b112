import { backfillTables } from "./backfill.js";
import { ledgerTables } from "./effects/ledger.js";
import { healthTables } from "./health.js";
import { runTables } from "./recompute/paged.js";
import { turnTables } from "./recompute/turns.js";
import { tagTables } from "./staleness/tags.js";

/**
 * The library's own tables: spread them into the app's schema.
 *
 * ```ts
 * export default defineSchema({ ...lazyTables, flights: defineTable({ … }) });
 * ```
 */
export const lazyTables = {
  ...ledgerTables,
  ...tagTables,
  ...runTables,
  ...turnTables,
  ...backfillTables,
  ...healthTables,
};
