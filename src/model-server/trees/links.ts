/** The functions that turn raw scores into what a framework's `predict` answers. */
import type { Floats } from "./scorer.ts";

/** Maps the scores of all rows, `groups` per row; the answer may be the same array, or one value per row. */
export type Link = (scores: Floats, groups: number) => Floats;

/** A link that takes each score by itself. */
export function each(map: (score: number) => number): Link {
  return (scores) => {
    for (let i = 0; i < scores.length; i++) scores[i] = map(scores[i]!);
    return scores;
  };
}

/** The scores as they are. */
export const identity: Link = (scores) => scores;

/** Counts and other positive quantities. */
export const exponential: Link = each(Math.exp);

/** A probability; `slope` is LightGBM's `sigmoid` parameter. */
export function sigmoid(slope = 1): Link {
  return each((score) => 1 / (1 + Math.exp(-slope * score)));
}

/** Probabilities of the classes of each row. */
export const softmax: Link = (scores, groups) => {
  for (let start = 0; start < scores.length; start += groups) {
    const row = scores.subarray(start, start + groups);
    let most = -Infinity;
    for (const score of row) if (score > most) most = score;
    let sum = 0;
    for (let i = 0; i < groups; i++) sum += row[i] = Math.exp(row[i]! - most);
    for (let i = 0; i < groups; i++) row[i]! /= sum;
  }
  return scores;
};

/** The number of the class with the highest score; the first of equals. */
export const likeliest: Link = (scores, groups) => {
  const classes = new Float32Array(scores.length / groups);
  for (let row = 0; row < classes.length; row++) {
    const start = row * groups;
    let best = 0;
    for (let group = 1; group < groups; group++)
      if (scores[start + group]! > scores[start + best]!) best = group;
    classes[row] = best;
  }
  return classes;
};
