import type { TransactionMetrics } from "convex/server";
import { Recording } from "../examples/backend/recorder";
import { type App, startApp } from "./app";
import { api } from "./convex/_generated/api.js";
import schema from "./convex/schema";

/** What a view's `sources` add to a write, compared with the same mutation with an empty trigger on the table. */
export interface WriteFigures {
  /** Distinct documents read. */
  extraRead: number;
  /** Distinct documents written. */
  extraWritten: number;
  extraIndexRanges: number;
  /**
   * The same by `ctx.meta.getTransactionMetrics()`, which counts each access to a document: Convex's `patch` reads the
   * document again.
   */
  metrics: { extraRead: number; extraWritten: number; extraIndexRanges: number };
}

/** Measures a write to a clean row, and another one, whose row is already stale. */
export async function measureWrites(): Promise<{
  cleanWrite: WriteFigures;
  staleWrite: WriteFigures;
}> {
  const t = startApp();
  const groups = ["baseline", "counted", "metered"];
  await t.mutation(api.items.load, { groups, itemsPerGroup: 1 });
  await t.mutation(api.items.refresh, { groups });
  return { cleanWrite: await measureWrite(t), staleWrite: await measureWrite(t) };
}

/** Writes to every group once. The recorded write has its own group, since recording reads documents too. */
async function measureWrite(t: App): Promise<WriteFigures> {
  const { changeWithSources, changeWithEmptyTrigger } = api.items;
  const counted = await record(() => t.mutation(changeWithSources, { group: "counted" }));
  const base = await record(() => t.mutation(changeWithEmptyTrigger, { group: "baseline" }));
  const metered = await t.mutation(changeWithSources, { group: "metered" });
  const meteredBase = await t.mutation(changeWithEmptyTrigger, { group: "baseline" });
  const extra = (metric: "documentsRead" | "documentsWritten" | "databaseQueries") =>
    metered[metric].used - meteredBase[metric].used;
  return {
    extraRead: counted.documentsRead - base.documentsRead,
    extraWritten: counted.documentsWritten - base.documentsWritten,
    extraIndexRanges: counted.indexRanges - base.indexRanges,
    metrics: {
      extraRead: extra("documentsRead"),
      extraWritten: extra("documentsWritten"),
      extraIndexRanges: extra("databaseQueries"),
    },
  };
}

async function record(write: () => Promise<TransactionMetrics>) {
  const recording = new Recording(schema);
  await recording.observe(write);
  return recording.usage();
}
