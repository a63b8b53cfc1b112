import cliProgress, { type Options, type Params, type SingleBar } from "cli-progress";

/** Work in equal steps, shown as `simulate: 1250 of 100000 histories`. */
export interface Work {
  program: string;
  /** The name of the steps, in the plural. */
  steps: string;
  total: number;
}

/** The interval of lines without a terminal. */
const LINE_EVERY_MS = 60_000;
/** The bar and its longest text just fit into 80 columns. */
const BAR_COLUMNS = 12;

/**
 * Shows the progress of a program on stderr: on a terminal as a bar; elsewhere as a line at the start, one a minute,
 * and one at the end. It keeps the process alive until it is stopped.
 */
export class Progress {
  private readonly bar: SingleBar;
  private readonly begunAt = performance.now();
  private done = 0;
  private isOver = false;

  constructor(
    private readonly work: Work,
    private readonly stream: NodeJS.WritableStream & { isTTY?: boolean } = process.stderr,
  ) {
    this.bar = new cliProgress.SingleBar({
      stream,
      format: (options, params) => this.line(options, params),
      noTTYOutput: true,
      notTTYSchedule: LINE_EVERY_MS,
      barsize: BAR_COLUMNS,
      // Otherwise cli-progress turns the terminal's line wrapping off, and a crash would leave it off.
      linewrap: true,
      // On a terminal, `stop` writes a last line in place of the bar. In a log, this avoids an empty last line.
      clearOnComplete: true,
    });
    this.bar.start(work.total, 0);
  }

  /** @param done - The number of completed steps. */
  update(done: number): void {
    this.done = done;
    this.bar.update(done);
  }

  /** Prints a text on stdout, above the bar. */
  print(text: string): void {
    if (this.stream.isTTY) this.bar.stop();
    process.stdout.write(`${text}\n`);
    if (this.stream.isTTY) this.bar.start(this.work.total, this.done);
  }

  /** Ends with a line that shows the final progress. */
  stop(): void {
    this.isOver = true;
    this.bar.stop();
    if (this.stream.isTTY) this.stream.write(`${this.text()}\n`);
  }

  private line(options: Options, { progress }: Params): string {
    return this.stream.isTTY ? `[${cliProgress.Format.BarFormat(progress, options)}] ${this.text()}` : this.text();
  }

  private text(): string {
    const { program, steps, total } = this.work;
    const percent = total === 0 ? 100 : Math.floor((100 * this.done) / total);
    const text = `${program}: ${this.done} of ${total} ${steps} (${percent} %)`;
    const isKnown = this.done > 0 && this.done < total && !this.isOver;
    return isKnown ? `${text}, ${this.timeLeft()} left` : text;
  }

  /** An estimate: remaining steps take as long as completed ones. */
  private timeLeft(): string {
    const perStepMs = (performance.now() - this.begunAt) / this.done;
    const minutes = Math.round(((this.work.total - this.done) * perStepMs) / 60_000);
    if (minutes < 1) return "under 1 minute";
    return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  }
}
