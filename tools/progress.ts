import cliProgress, { type Options, type Params, type SingleBar } from "cli-progress";

/** A piece of work that is done in equal steps, in the words of `simulate: 1250 of 100000 histories`. */
export interface Work {
  program: string;
  /** What a step is, in the plural. */
  steps: string;
  total: number;
}

/** Without a terminal, a line this often. */
const LINE_EVERY_MS = 60_000;
/** With the longest of its texts, the bar just fits into 80 columns. */
const BAR_COLUMNS = 12;

/**
 * Shows on stderr how far a program is: as a bar on a terminal; elsewhere as one line at once, one a minute, and one at
 * the end. It keeps the process alive until it is stopped.
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
      // Else cli-progress switches the terminal's line wrapping off, and a crash would leave it off.
      linewrap: true,
      // On a terminal `stop` writes a last line in place of the bar; in a log this saves an empty line at the end.
      clearOnComplete: true,
    });
    this.bar.start(work.total, 0);
  }

  /** @param done - Steps that are done, of all. */
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

  /** Leaves a last line that says how far it came. */
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

  /** As long for each of the steps that are left as for those that are done. */
  private timeLeft(): string {
    const perStepMs = (performance.now() - this.begunAt) / this.done;
    const minutes = Math.round(((this.work.total - this.done) * perStepMs) / 60_000);
    if (minutes < 1) return "under 1 minute";
    return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  }
}
