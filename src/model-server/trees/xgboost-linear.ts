import type { Field } from "./document.ts";
import type { Floats, Scorer } from "./scorer.ts";

/** XGBoost's `gblinear` booster: a weight per feature and output, then a bias per output. */
export class LinearBooster implements Scorer {
  readonly #weights: Float32Array;
  readonly #features: number;
  readonly #groups: number;

  constructor(model: Field, features: number, groups: number) {
    this.#weights = Float32Array.from(model.get("weights").numbers((features + 1) * groups));
    this.#features = features;
    this.#groups = groups;
  }

  addScores(features: Floats, rows: number, scores: Floats): void {
    const weights = this.#weights;
    const groups = this.#groups;
    const bias = this.#features * groups;
    for (let row = 0; row < rows; row++)
      for (let group = 0; group < groups; group++) {
        let sum = Math.fround(scores[row * groups + group]! + weights[bias + group]!);
        for (let i = 0; i < this.#features; i++) {
          const value = Math.fround(features[row * this.#features + i]!);
          if (!Number.isNaN(value))
            sum = Math.fround(sum + Math.fround(value * weights[i * groups + group]!));
        }
        scores[row * groups + group] = sum;
      }
  }
}
