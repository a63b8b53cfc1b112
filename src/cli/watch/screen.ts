import { colors, print } from "../output.js";
import { align, cellsOf, type Snapshot, totalText } from "./table.js";

const MOODS = { heading: colors.dim, good: colors.green, stale: colors.yellow, bad: colors.red };
/**
 * Lines of the terminal that are not for views: the heading, the sentence below, the command itself, and the prompt.
 */
const OTHER_LINES = 5;

/** Draws the table; on a terminal, always in the same place. */
export class Screen {
  private drawn = 0;

  draw(snapshot: Snapshot): void {
    const { isTTY, rows: height = 24, columns: width = 80 } = process.stdout;
    const cells = cellsOf(snapshot);
    const fitting = isTTY ? cells.slice(0, Math.max(2, height - OTHER_LINES)) : cells;
    const hidden = cells.length - fitting.length;
    const lines = align(fitting.map((row) => row.cells)).map((line, i) => {
      const shown = isTTY ? line.slice(0, width - 1) : line;
      return MOODS[fitting[i]?.mood ?? "good"](shown);
    });
    if (hidden > 0) lines.push(`… and ${hidden} more views`);
    lines.push(totalText(snapshot).slice(0, isTTY ? width - 1 : undefined));
    // Moves to the first line of the last table, and clears the screen from there.
    if (isTTY && this.drawn > 0) process.stdout.write(`\x1b[${this.drawn}A\x1b[0J`);
    print(lines.join("\n"));
    this.drawn = lines.length;
  }
}
