import type { Transport } from "../../model/app.js";
import { colors, note, print, printJson, warn } from "../output.js";

/** What `connect --json` prints. */
export interface ConnectResult {
  /** The deployment's URL. */
  deployment: string;
  /** The module that exports the library's functions. */
  module: string;
  transport: Transport;
  /** Whether an effect has gone all the way. */
  connected: boolean;
  /** How long it took, in ms; null when it did not arrive. */
  canaryMs: number | null;
  /** What this run has changed, a sentence each. Empty when everything was set up. */
  changes: string[];
  warnings: string[];
  /** What `inspect` reports, each with its remedy. */
  problems: string[];
}

/** Collects what a run of `connect` does and finds, and prints it at once. */
export class Report {
  readonly changes: string[] = [];
  readonly warnings: string[] = [];

  /** @param isJson - Whether stdout gets one object at the end, and nothing else. */
  constructor(private readonly isJson: boolean) {}

  /** Something that is as it should be. */
  found(text: string): void {
    this.tell(`${colors.green("✓")} ${text}`);
  }

  /** Something that this run has changed. */
  changed(text: string): void {
    this.changes.push(text);
    this.tell(`${colors.cyan("+")} ${text}`);
  }

  warned(text: string): void {
    this.warnings.push(text);
    warn(text);
  }

  /** Prints how it ended. */
  end(result: Omit<ConnectResult, "changes" | "warnings">): void {
    const { changes, warnings } = this;
    const { connected, canaryMs, transport, problems } = result;
    if (this.isJson) {
      printJson({ ...result, changes, warnings });
      return;
    }
    if (!connected) return;
    const took = canaryMs === null ? "" : ` in ${canaryMs.toLocaleString("en-US")} ms`;
    print(colors.bold(`Connected by ${transport}: an effect has gone all the way${took}, and its recompute has run.`));
    if (changes.length === 0) print("Everything was set up already; nothing has changed.");
    for (const problem of problems) warn(problem);
  }

  private tell(text: string): void {
    if (this.isJson) note(text);
    else print(text);
  }
}
