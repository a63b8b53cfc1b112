/** A choice that was not the plainest: its position among all choices of a history, and what was chosen. */
export type Deviation = readonly [position: number, choice: number];

/** Where choices come from: a seed, or the deviations of a replayed history, whose other choices are 0. */
export type ChoiceSource = { seed: number } | { deviations: readonly Deviation[] };

/**
 * Every free choice of a history: which execution goes on, which messages are lost, how late they are. Choice 0 is
 * always the plainest (no fault, go on with the last execution), so turning choices into 0 shrinks a history.
 */
export class Choices {
  /** The choices made so far that were not 0. */
  readonly deviations: Deviation[] = [];
  private position = 0;
  private readonly next: (options: number, plain: number) => number;

  constructor(source: ChoiceSource) {
    if ("seed" in source) {
      const random = randomNumbers(source.seed);
      this.next = (options, plain) => (random() < plain ? 0 : Math.floor(random() * options));
    } else {
      const known = new Map(source.deviations);
      this.next = (options) => (known.get(this.position) ?? 0) % options;
    }
  }

  /**
   * @param plain - The share of choices that are 0 whatever the number of options; the rest are even.
   * @returns A number from 0 to `options - 1`.
   */
  pick(options: number, plain = 0): number {
    const choice = options === 1 ? 0 : this.next(options, plain);
    if (choice !== 0) this.deviations.push([this.position, choice]);
    this.position++;
    return choice;
  }
}

/** Uniform random numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
