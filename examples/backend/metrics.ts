import type { TransactionMetrics } from "convex/server";
import { getDocumentSize, jsonToConvex } from "convex/values";
import type { Document } from "./readSet";

/** What a transaction has read and written; repeated reads and writes count each time. Sizes are in bytes. */
export interface Bandwidth {
  documentsRead: number;
  bytesRead: number;
  documentsWritten: number;
  bytesWritten: number;
}

/**
 * The part of convex-test's transaction metrics that is not the functions' own: queries that ran
 * earlier in the same snapshot, and the recorder's own looks at documents.
 */
export class ForeignUsage {
  private before: TransactionMetrics | null = null;
  /** Encoded documents. They are decoded only when a function asks for metrics, which few do. */
  private readonly looks: string[] = [];

  /** @param metrics the metrics when the functions started, encoded. */
  start(metrics: string): void {
    this.before = JSON.parse(metrics);
  }

  /** Counts a look at a document; `document` is "null" if it does not exist. */
  look(document: string): void {
    this.looks.push(document);
  }

  /** The metrics of the functions alone, encoded. */
  takeFrom(metrics: string): string {
    return JSON.stringify(this.without(metrics, this.looks));
  }

  /**
   * Counts what the functions have read and written so far. It counts only when the returned function is called,
   * because the count decodes every document, and few functions need it.
   */
  bandwidth(metrics: string): () => Bandwidth {
    const looks = [...this.looks];
    return () => {
      const { documentsRead, bytesRead, documentsWritten, bytesWritten } = this.without(metrics, looks);
      return {
        documentsRead: documentsRead.used,
        bytesRead: bytesRead.used,
        documentsWritten: documentsWritten.used,
        bytesWritten: bytesWritten.used,
      };
    };
  }

  private without(metrics: string, looks: readonly string[]): TransactionMetrics {
    const counted: TransactionMetrics = JSON.parse(metrics);
    const take = (metric: keyof TransactionMetrics, amount: number) => {
      counted[metric].used -= amount;
      counted[metric].remaining += amount;
    };
    for (const [metric, { used }] of Object.entries(this.before ?? {})) {
      take(metric as keyof TransactionMetrics, used);
    }
    take("databaseQueries", looks.length);
    for (const look of looks) {
      const document = jsonToConvex(JSON.parse(look)) as Document | null;
      if (document === null) continue;
      take("documentsRead", 1);
      take("bytesRead", getDocumentSize(document));
    }
    return counted;
  }
}
