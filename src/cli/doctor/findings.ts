import { CliError, redact } from "../output.js";

/** `problem`: something is wrong. `advice`: it works, and could be better or safer. `ok`: it is right. */
export type Level = "problem" | "advice" | "ok";

/** One thing that `doctor` has found. */
export interface Finding {
  level: Level;
  /** A sentence. */
  what: string;
  /** The command that mends it, or what else to do; null when the sentence says it, or there is nothing to do. */
  fix: string | null;
}

/** Gets each finding at once. */
export interface Listener {
  finding(finding: Finding): void;
  /** Gets something to know, which is neither wrong nor right. */
  note(text: string): void;
}

/** Collects findings, and reports each to the listener at once. */
export class Findings {
  readonly all: Finding[] = [];

  constructor(private readonly listener: Listener) {}

  problem(what: string, fix: string | null = null): void {
    this.add({ level: "problem", what, fix });
  }

  advice(what: string, fix: string | null = null): void {
    this.add({ level: "advice", what, fix });
  }

  ok(what: string): void {
    this.add({ level: "ok", what, fix: null });
  }

  note(text: string): void {
    this.listener.note(text);
  }

  count(level: Level): number {
    return this.all.filter((finding) => finding.level === level).length;
  }

  /** Does a step, and returns its result. An error with a remedy is added as a problem; then it returns undefined. */
  async try<Result>(step: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      this.problem(oneLine(error.message));
      return undefined;
    }
  }

  private add(finding: Finding): void {
    const found = { ...finding, what: redact(finding.what) };
    this.all.push(found);
    this.listener.finding(found);
  }
}

/** A message in one line; of a function's error, without the stack. */
export function oneLine(message: string): string {
  const thrown = /\bUncaught Error: (.+)/.exec(message)?.[1];
  return (thrown ?? message).trim().replaceAll(/\s*\n\s*/g, " ");
}

/** A list of names: the first three, and how many more there are. */
export function someOf(names: readonly string[]): string {
  const others = names.length - 3;
  return names.slice(0, 3).join(", ") + (others > 0 ? ` and ${others} more` : "");
}
