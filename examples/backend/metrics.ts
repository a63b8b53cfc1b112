import type { TransactionMetrics } from "convex/server";
import { getDocumentSize, jsonToConvex } from "convex/values";
import type { Document } from "./readSet";

/** What a transaction has read and written, each time it did so. Sizes are in bytes. */
export interface Bandwidth {
  documentsRead: number;
  bytesRead: number;
  documentsWritten: number;
  bytesWritten: number;
}

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

  /** The metrics, encoded, without what is not the functions' own. */
  takeFrom(metrics: string): string {
    return JSON.stringify(this.without(metrics, this.looks));
  }

  /**
   * What the functions have read and written by now. It is counted when the result is called: the count reads every
   * document again, and of few functions it is asked for.
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
