import { v } from "convex/values";
import { viewTable } from "convex-lazy-views";

/** The units that an account has used in a period. */
export const accountUsageTable = viewTable({
  key: { account: v.id("accounts"), period: v.number() },
  value: { units: v.number() },
});
