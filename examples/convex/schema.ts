import { defineSchema } from "convex/server";
import { lazyTables } from "convex-lazy-views";
import { authzTables } from "./authz/schema";
import { quotaTables } from "./quota/schema";
import { rollupsTables } from "./rollups/schema";
import { searchTables } from "./search/schema";
import { trackingTables } from "./tracking/schema";

export default defineSchema({
  ...authzTables,
  ...quotaTables,
  ...rollupsTables,
  ...searchTables,
  ...trackingTables,
  ...lazyTables,
});
