import { spanText } from "../why/timeText.js";
import type { Rate } from "./rates.js";

/** A view as `watch` shows it. Null is what is not known. */
export interface ViewLine {
  view: string;
  rows: number;
  stale: number;
  /** Keys whose compute fails. */
  failing: number;
  /** `rows` and `stale` are lower bounds. */
  hasMore: boolean;
  /** Of this view; null where only those of all views are known. */
  lastMinute: Rate | null;
  /** How long the row that is longest stale has been so, in ms. */
  staleForMs: number | null;
  /** How long ago a row was last committed, in ms; null when none was in the last minute. */
  committedAgoMs: number | null;
  /** The view's window: a row that is read while it is stale is fresh again after it and the transport's delay, in ms. */
  targetMs: number | null;
}

/** All that `watch` shows. */
export interface Snapshot {
  /** In ms since 1970. */
  at: number;
  views: ViewLine[];
  /** Of all views. */
  lastMinute: Rate | null;
  /** How many things `inspect` finds wrong. */
  problems: number;
}

const HEADINGS = ["view", "rows", "stale", "failing", "recomputes/min", "documents/min", "age"];

/** The table as rows of cells, headings first; and for each view how it does. */
export function cellsOf({ views }: Snapshot): { cells: string[]; mood: "heading" | "good" | "stale" | "bad" }[] {
  const lines = views.map((line) => ({ cells: viewCells(line), mood: moodOf(line) }));
  return [{ cells: HEADINGS, mood: "heading" }, ...lines];
}

function viewCells(line: ViewLine): string[] {
  const { view, rows, stale, failing, hasMore, lastMinute } = line;
  const more = hasMore ? "+" : "";
  const rates = [lastMinute?.recomputes, lastMinute?.documents].map((rate) => String(rate ?? "-"));
  return [view, `${rows}${more}`, `${stale}${more}`, String(failing), ...rates, ageText(line)];
}

/** `stale 12 s (window 10 s)`, `fresh 3 s ago`, or `-`. */
export function ageText({ stale, staleForMs, committedAgoMs, targetMs }: ViewLine): string {
  const target = targetMs === null ? "" : ` (window ${spanText(targetMs)})`;
  if (stale > 0 && staleForMs !== null) return `stale for ${spanText(staleForMs)}${target}`;
  return committedAgoMs === null ? "-" : `committed ${spanText(committedAgoMs)} ago`;
}

function moodOf({ failing, stale }: ViewLine) {
  if (failing > 0) return "bad" as const;
  return stale > 0 ? ("stale" as const) : ("good" as const);
}

/** Cells as lines of one width a column: the first column to the left, numbers to the right, the last as it is. */
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

/** What holds of all views, as a sentence. */
export function totalText({ lastMinute, problems }: Snapshot): string {
  const rates = lastMinute
    ? `In the last minute ${lastMinute.recomputes} recomputes read ${lastMinute.documents} documents.`
    : "How many recomputes there were in the last minute is not known yet.";
  return problems === 0 ? rates : `${rates} Problems: ${problems}; see npx convex-lazy-views doctor.`;
}

/** One line for a terminal that is none: `airportStats 12 rows, 1 stale, 0 failing; … In the last minute …`. */
export function lineOf(snapshot: Snapshot): string {
  const time = new Date(snapshot.at).toTimeString().slice(0, 8);
  const views = snapshot.views.map(({ view, rows, stale, failing, hasMore, lastMinute }) => {
    const more = hasMore ? "+" : "";
    const rate = lastMinute ? `, ${lastMinute.recomputes} recomputes/min` : "";
    return `${view} ${rows}${more} rows, ${stale}${more} stale, ${failing} failing${rate}`;
  });
  return `${time} ${views.join("; ")}. ${totalText(snapshot)}`;
}
