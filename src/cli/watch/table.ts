import { counted, spanText } from "../words.js";
import type { Rate } from "./rates.js";

/** A view as `watch` shows it. */
export interface ViewLine {
  view: string;
  rows: number;
  /** Rows that a reader would find stale or expired. */
  stale: number;
  /** Keys whose compute fails. */
  failing: number;
  /** Rows that were recomputed in the last minute. */
  recomputed: number;
  /** Whether there are more rows than were counted, so that the numbers of rows are lower bounds. */
  hasMore: boolean;
  /** The documents that its recomputes have read in the last minute; null if only the sum of all views is known. */
  documents: number | null;
  /** How long the row that has been stale the longest is stale, in ms. */
  staleForMs: number | null;
  /** The view's window, in ms. A stale row that is read becomes fresh after it and the delay of the transport. */
  windowMs: number;
  /** The shortest age of the view's `olderThan`, in ms; null without one. */
  ageMs: number | null;
}

/** Everything that `watch` shows. */
export interface Snapshot {
  /** In ms since 1970. */
  at: number;
  views: ViewLine[];
  /** The recomputes of all views. */
  lastMinute: Rate | null;
  /** The number of problems that `inspect` reports. */
  problems: number;
}

const HEADINGS = ["view", "rows", "stale", "failing", "recomputed/min", "docs/min", "stale for", "window"];

/** The rows of the table, headings first: their cells, and a mood, by which they are coloured. */
export function cellsOf({ views }: Snapshot): { cells: string[]; mood: "heading" | "good" | "stale" | "bad" }[] {
  const lines = views.map((line) => ({ cells: viewCells(line), mood: moodOf(line) }));
  return [{ cells: HEADINGS, mood: "heading" }, ...lines];
}

function viewCells(line: ViewLine): string[] {
  const { view, rows, stale, failing, recomputed, hasMore, documents, staleForMs, windowMs, ageMs } = line;
  const counts = [rows, stale, failing, recomputed].map((count, i) => (hasMore && i !== 2 ? `${count}+` : `${count}`));
  const staleFor = staleForMs === null ? "-" : spanText(staleForMs);
  const age = ageMs === null ? "" : `, age ${spanText(ageMs)}`;
  const window = `${spanText(windowMs)}${age}`;
  return [view, ...counts, documents === null ? "-" : String(documents), staleFor, window];
}

function moodOf({ failing, stale }: ViewLine) {
  if (failing > 0) return "bad" as const;
  return stale > 0 ? ("stale" as const) : ("good" as const);
}

/** Aligns cells in columns: the first column to the left, numbers to the right; the last column stays as it is. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => {
        if (column === cells.length - 1) return cell;
        return column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
      })
      .join("  "),
  );
}

/** A sentence about all views. */
export function totalText({ lastMinute, problems }: Snapshot): string {
  const rates = lastMinute
    ? `All views: ${counted(lastMinute.recomputes, "recompute")} a minute, reading ${counted(lastMinute.documents, "document")}.`
    : "All views: what recomputes have read is not known yet.";
  return problems === 0 ? rates : `${rates} Problems: ${problems}; see npx convex-lazy-views doctor.`;
}

/**
 * One line, where the output is not a terminal: `12:00:01 airportStats 12 rows, 1 stale, 0 failing, 3 recomputed. …`.
 */
export function lineOf(snapshot: Snapshot): string {
  const time = new Date(snapshot.at).toTimeString().slice(0, 8);
  const views = snapshot.views.map(({ view, rows, stale, failing, recomputed, hasMore }) => {
    const more = hasMore ? "+" : "";
    const counts = `${rows}${more} row${rows === 1 ? "" : "s"}, ${stale}${more} stale, ${failing} failing, ${recomputed}${more} recomputed`;
    return `${view} ${counts}`;
  });
  return `${time} ${views.join("; ")}. ${totalText(snapshot)}`;
}
