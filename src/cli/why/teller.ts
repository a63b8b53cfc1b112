import type { Explanation } from "../../views/explain.js";
import { colors, print } from "../output.js";
import { clockText, spanText } from "../words.js";
import type { StoryEvent } from "./story.js";

/** A row, its story, and what it waits for. */
export interface Told {
  row: Explanation;
  story: StoryEvent[];
  waits: string[];
}

const STATES = { fresh: colors.green, stale: colors.yellow, expired: colors.red, missing: colors.red };

/** Prints a story while it goes on: each event once, and what the row waits for, each time that changes. */
export class Teller {
  private readonly printed = new Set<string>();
  private state = "";
  private waits = "";
  private beganAt: number | undefined;

  constructor(private readonly title: string) {}

  tell({ row, story, waits }: Told): void {
    if (row.state !== this.state) print(this.heading(row));
    this.state = row.state;
    this.beganAt ??= story[0]?.at;
    for (const { at, step, text } of story) {
      const name = `${step} ${Math.round(at)}`;
      if (this.printed.has(name)) continue;
      this.printed.add(name);
      const after = at === this.beganAt ? "" : `+${spanText(at - (this.beganAt ?? at))}`;
      print(`  ${clockText(at)} ${colors.dim(after.padStart(8))}  ${colors.bold(step.padEnd(9))}  ${text}`);
    }
    // Without the times in the sentences, which always change.
    const kind = waits.join(" ").replace(/[\d:.]+ ?(ms|s|min|h|d)?\b/g, "");
    if (kind !== this.waits) for (const sentence of waits) print(`  ${colors.cyan("now")}  ${sentence}`);
    this.waits = kind;
  }

  private heading({ state, computedAt, version, dependsOn }: Explanation): string {
    const age = computedAt === null ? "" : `, computed ${spanText(Date.now() - computedAt)} ago by version ${version}`;
    const tables = [...new Set(dependsOn.map(({ table }) => table))].join(", ");
    return `${this.title} is ${STATES[state](state)}${age}${tables && `, from ${tables}`}.`;
  }
}
