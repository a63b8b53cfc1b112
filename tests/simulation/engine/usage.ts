import type { TransactionLimits, TransactionMetrics } from "convex/server";

type Metric = keyof TransactionMetrics;
type Amounts = Record<Metric, number>;

const MIB = 1 << 20;
/** Convex's limits of a transaction. */
const LIMITS: Amounts = {
  bytesRead: 16 * MIB,
  bytesWritten: 16 * MIB,
  databaseQueries: 4_096,
  documentsRead: 32_000,
  documentsWritten: 16_000,
  functionsScheduled: 1_000,
  scheduledFunctionArgsBytes: 16 * MIB,
  filesRead: 1_000,
  filesWritten: 1_000,
  fileReadBytes: 16 * MIB,
  fileWriteBytes: 16 * MIB,
};
const METRICS = Object.keys(LIMITS) as Metric[];
/** Usage that counts even when its sub-transaction is rolled back. */
const READS: Metric[] = ["bytesRead", "databaseQueries", "documentsRead"];

/** How much a transaction has used of its limits. Bytes are those of the encoding, about as Convex counts them. */
export class Usage {
  private constructor(
    readonly used: Amounts,
    private readonly limits: Amounts,
  ) {}

  static ofTransaction(): Usage {
    return new Usage(
      amounts(() => 0),
      LIMITS,
    );
  }

  /** The usage of a sub-transaction, whose limits may be less than what is left. */
  nested(limits: TransactionLimits = {}): Usage {
    const allowed = amounts((metric) =>
      Math.min(this.limits[metric], this.used[metric] + (limits[metric] ?? this.limits[metric])),
    );
    return new Usage({ ...this.used }, allowed);
  }

  /** Adds the usage of a sub-transaction that was committed or rolled back. */
  take(nested: Usage, isCommitted: boolean): void {
    for (const metric of isCommitted ? METRICS : READS) this.used[metric] = nested.used[metric];
  }

  /** @throws Error when the limit is exceeded. */
  add(metric: Metric, amount: number): void {
    this.used[metric] += amount;
    if (this.used[metric] > this.limits[metric]) {
      throw new Error(`The transaction exceeds its limit of ${this.limits[metric]} ${metric}.`);
    }
  }

  metrics(): TransactionMetrics {
    const metrics: Partial<TransactionMetrics> = {};
    for (const metric of METRICS) {
      const used = this.used[metric];
      metrics[metric] = { used, remaining: this.limits[metric] - used };
    }
    return metrics as TransactionMetrics;
  }
}

function amounts(of: (metric: Metric) => number): Amounts {
  return Object.fromEntries(METRICS.map((metric) => [metric, of(metric)])) as Amounts;
}
