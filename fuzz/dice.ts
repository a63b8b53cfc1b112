import { randomNumbers } from "../tests/simulation/engine/choices.js";

/** Random draws, determined by a seed. */
export class Dice {
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = randomNumbers(seed);
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Between `min` and `max` draws of the same kind. */
  several<T>(min: number, max: number, draw: () => T): T[] {
    return Array.from({ length: min + this.below(max - min + 1) }, draw);
  }

  /** One of several ways to draw, with probabilities by weight. */
  weighted<T>(ways: readonly (readonly [weight: number, draw: () => T])[]): T {
    let left = this.random() * ways.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, draw] of ways) {
      left -= weight;
      if (left < 0) return draw();
    }
    throw new Error("weighted needs at least one way.");
  }
}
