/** Arrays of features and of scores. */
export type Floats = Float32Array | Float64Array;

/** What a model's raw scores come from: trees, or XGBoost's linear booster. */
export interface Scorer {
  /** Adds the scores of rows of features to `scores`, which holds as many per row as the model has outputs. */
  addScores(features: Floats, rows: number, scores: Floats): void;
}
