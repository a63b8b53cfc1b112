import type { TransactionMetrics } from "convex/server";
import { getDocumentSize, jsonToConvex } from "convex/values";
import type { Document } from "./readSet";

/**
 * What convex-test counts in a transaction's metrics beside the work of the functions that
 * ask for them: the queries that ran before in the same snapshot, and the recorder's own
 * looks at documents.
 */
export class ForeignUsage {
  private before: TransactionMetrics | null = null;
  /** Encoded documents: few functions ask for metrics, so few are decoded. */
  private readonly looks: string[] = [];

  /** @param metrics what had been used when the functions started, encoded. */
  start(metrics: string): void {
    this.before = JSON.parse(metrics);
  }

  /** Counts a look at a document, which is "null" when there was none. */
  look(document: string): void {
    this.looks.push(document);
  }

  /** The metrics without what is not the functions' own. */
  takeFrom(metrics: string): string {
    const counted: TransactionMetrics = JSON.parse(metrics);
    const take = (metric: keyof TransactionMetrics, amount: number) => {
      counted[metric].used -= amount;
      counted[metric].remaining += amount;
    };
    for (const [metric, { used }] of Object.entries(this.before ?? {})) {
      take(metric as keyof TransactionMetrics, used);
    }
    take("databaseQueries", this.looks.length);
    for (const look of this.looks) {
      const document = jsonToConvex(JSON.parse(look)) as Document | null;
      if (document === null) continue;
      take("documentsRead", 1);
      take("bytesRead", getDocumentSize(document));
    }
    return JSON.stringify(counted);
  }
}
