import { atMost, exactly, plain, section } from "../lines";
import type { Taken } from "./app";
import type { Operation, OperationFigures } from "./measure";
import type { SharedFigures } from "./shared";

export interface TrackingFigures {
  operations: OperationFigures;
  /** With as many rows as can register a dependency each: a write marks every one of them … */
  registered: SharedFigures;
  /** … and with more rows, which share one dependency. */
  shared: SharedFigures;
}

export const LABELS: Record<Operation, string> = {
  hit: "a hit",
  insertIntoFresh: "an insert, both rows fresh",
  insertIntoStale: "… both stale already",
  insertWithoutRows: "… no such rows",
  tenInserts: "ten inserts in one mutation",
  patch: "a patch, both rows fresh",
  delete: "a delete",
  move: "a move to another airport, three rows",
  unrelatedWrite: "a write to another table",
  firstRecompute: "the first recompute of a row",
  recompute: "another one",
  evict: "the deletion of a row",
};

/** Writes of one flight, each of which looks for the rows of two airports. */
const WRITES = ["insertIntoFresh", "insertIntoStale", "insertWithoutRows", "tenInserts", "patch", "delete"] as const;

export function trackingSection({ operations, registered, shared }: TrackingFigures): string {
  const { hit, move, unrelatedWrite, recompute } = operations;
  const more = (index: 0 | 1 | 2, { declared, tracked }: OperationFigures[Operation]) =>
    tracked[index] - declared[index];
  const worst = (index: 0 | 1 | 2) => Math.max(...WRITES.map((name) => more(index, operations[name])));
  const rows = shared.rows.toLocaleString("en");
  return section(
    "Tracking: a rollup of flights by airport, tracked, beside the same with declared sources",
    [
      exactly("tracking.hit.documentsRead", hit.tracked[0], 1, "documents read by a hit"),
      exactly("tracking.hit.indexRanges", hit.tracked[2], 1, "index ranges"),
      atMost("tracking.write.extraRead", worst(0), 3, "documents that a source write reads more"),
      exactly("tracking.write.extraWritten", worst(1), 0, "… writes more"),
      atMost("tracking.write.extraRanges", worst(2), 3, "… index ranges more"),
      plain("tracking.move.extraRead", more(0, move), "… when a flight moves: one more for its other airport"),
      plain("tracking.unrelated.extraRead", more(0, unrelatedWrite), "a write to another table reads more"),
      exactly("tracking.recompute.extraWritten", more(1, recompute), 0, "a recompute with the same reads writes more"),
      plain("tracking.bound.documentsRead", registered.write[0], "a write to what 64 rows depend on reads"),
      plain("tracking.bound.documentsWritten", registered.write[1], "… and writes: it is the dearest"),
      exactly("tracking.shared.documentsWritten", shared.write[1], 2, `a write to what ${rows} rows depend on writes`),
      exactly("tracking.shared.hit", shared.hit[0], 2, "documents read by a hit of one of those rows"),
    ],
    [
      "Documents read / written / index ranges, declared and tracked, as Convex counts them:",
      ...Object.entries(LABELS).map(([name, meaning]) => {
        const { declared, tracked } = operations[name as Operation];
        return `   ${meaning.padEnd(40)}${text(declared).padStart(13)}${text(tracked).padStart(14)}`;
      }),
      `   ${"a recompute among those rows".padEnd(53)}${text(shared.recompute).padStart(14)}`,
      `   ${"… the one at which they begin to share".padEnd(53)}${text(shared.dearestRecompute).padStart(14)}`,
    ].join("\n"),
  );
}

function text(taken: Taken): string {
  return taken.join(" / ");
}
