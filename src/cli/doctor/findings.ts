import { CliError, colors, note, print, redact } from "../output.js";

/** `problem`: something is wrong; `advice`: it works, and could be better or safer; `ok`: it is as it should be. */
export type Level = "problem" | "advice" | "ok";

/** What `doctor` has found. */
export interface Finding {
  level: Level;
  /** A sentence. */
  what: string;
  /** The command that mends it, or what else to do; null when the sentence says it, or nothing is to do. */
  fix: string | null;
}

/** Collects findings, and prints each as it comes. */
export class Findings {
  readonly all: Finding[] = [];

  /** @param isJson - stdout gets one object at the end, and nothing else. */
  constructor(
    private readonly isJson: boolean,
    readonly isVerbose: boolean,
  ) {}

  problem(what: string, fix: string | null = null): void {
    this.add({ level: "problem", what, fix });
  }

  advice(what: string, fix: string | null = null): void {
    this.add({ level: "advice", what, fix });
  }

  ok(what: string): void {
    this.add({ level: "ok", what, fix: null });
  }

  /** Something to know, which `--verbose` prints. */
  note(what: string): void {
    if (this.isVerbose && !this.isJson) print(colors.dim(`  ${what}`));
  }

  has(level: Level): boolean {
    return this.all.some((finding) => finding.level === level);
  }

  /** Does a step; an error with a remedy is a problem, and gives undefined. */
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
    const what = redact(finding.what);
    this.all.push({ ...finding, what });
    if (this.isJson) {
      note(`${SIGNS[finding.level]} ${what}`);
      return;
    }
    const paint = { ok: colors.green, advice: colors.yellow, problem: colors.red }[finding.level];
    print(`${paint(SIGNS[finding.level])} ${what}${finding.fix === null ? "" : ` → ${colors.bold(finding.fix)}`}`);
  }
}

const SIGNS: Record<Level, string> = { ok: "✓", advice: "!", problem: "✗" };

/** A message in one line. Of a function's error, what it says, without its stack. */
export function oneLine(message: string): string {
  const thrown = /(?:Uncaught )?\bError: (.+)/.exec(message)?.[1];
  return (thrown ?? message).trim().replaceAll(/\s*\n\s*/g, " ");
}

/** Names as a list, the first three and how many more. */
export function someOf(names: readonly string[]): string {
  const others = names.length - 3;
  return names.slice(0, 3).join(", ") + (others > 0 ? ` and ${others} more` : "");
}
