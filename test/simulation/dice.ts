import { SeededRandom } from "../support/seeded-random.ts";

/** The chance of a run: everything that may go one way or another asks it. */
export class Dice extends SeededRandom {
  chance(probability: number): boolean {
    return probability > 0 && this.number() < probability;
  }

  between(low: number, high: number): number {
    return low + this.number() * (high - low);
  }

  /** 0 up to, but not including, `below`. */
  whole(below: number): number {
    return Math.floor(this.number() * below);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.whole(items.length)]!;
  }
}
