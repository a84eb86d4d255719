import { compileTrees, LEAF, type CategorySet, type Column, type Precision } from "./compile.ts";
import type { Tree } from "./tree.ts";

/** Arrays of features and of scores. */
export type Floats = Float32Array | Float64Array;

/** What a model's raw scores come from: trees, or XGBoost's linear booster. */
export interface Scorer {
  /** Adds the scores of rows of features to `scores`, which holds `groups` of them per row. */
  addScores(features: Floats, rows: number, scores: Floats): void;
}

/** LightGBM's kZeroThreshold: what it takes for zero. */
const ZERO = 1e-35;
/** Rows taken through a tree together, so that the tree comes from memory once for all of them. */
const BLOCK_ROWS = 64;
/** Keeps the columns of a block of rows in the processor's cache. */
const BLOCK_VALUES = 65_536;

/** Compiled trees and the scoring of rows with them. */
export class Ensemble implements Scorer {
  readonly #features: number;
  readonly #outputs: number;
  readonly #roots: Int32Array;
  readonly #groups: Int32Array;
  readonly #columns: readonly Column[];
  readonly #sets: readonly CategorySet[];
  readonly #column: Int32Array;
  readonly #threshold: Floats;
  readonly #first: Int32Array;
  readonly #value: Floats;
  readonly #block: Floats;
  readonly #blockRows: number;

  constructor(trees: readonly Tree[], features: number, outputs: number, precision: Precision) {
    const compiled = compileTrees(trees, features, precision);
    const FloatArray = precision === "float32" ? Float32Array : Float64Array;
    this.#features = features;
    this.#outputs = outputs;
    this.#roots = Int32Array.from(compiled.roots);
    this.#groups = Int32Array.from(trees, (tree) => tree.group);
    this.#columns = compiled.columns;
    this.#sets = compiled.sets;
    this.#column = Int32Array.from(compiled.column);
    this.#threshold = FloatArray.from(compiled.threshold);
    this.#first = Int32Array.from(compiled.first);
    this.#value = FloatArray.from(compiled.value);
    this.#blockRows = Math.max(
      1,
      Math.min(BLOCK_ROWS, Math.floor(BLOCK_VALUES / Math.max(1, this.#columns.length))),
    );
    this.#block = new FloatArray(this.#blockRows * this.#columns.length);
  }

  addScores(features: Floats, rows: number, scores: Floats): void {
    for (let start = 0; start < rows; start += this.#blockRows) {
      const count = Math.min(this.#blockRows, rows - start);
      this.#fillBlock(features, start, count);
      this.#scoreBlock(scores, start, count);
    }
  }

  #fillBlock(features: Floats, start: number, count: number): void {
    const block = this.#block;
    let at = 0;
    for (let row = start; row < start + count; row++) {
      const offset = row * this.#features;
      for (const { feature, missing, negated } of this.#columns) {
        let value = features[offset + feature]!;
        if (missing === "none" && Number.isNaN(value)) value = 0;
        else if (missing === "nan-and-zero" && Math.abs(value) <= ZERO) value = Number.NaN;
        block[at++] = negated ? -value : value;
      }
    }
  }

  #scoreBlock(scores: Floats, start: number, count: number): void {
    const column = this.#column;
    const threshold = this.#threshold;
    const first = this.#first;
    const block = this.#block;
    const width = this.#columns.length;
    const outputs = this.#outputs;
    for (let tree = 0; tree < this.#roots.length; tree++) {
      const root = this.#roots[tree]!;
      const group = start * outputs + this.#groups[tree]!;
      for (let row = 0; row < count; row++) {
        const offset = row * width;
        let node = root;
        let read = column[node]!;
        while (read !== LEAF) {
          if (read >= 0) node = first[node]! + Number(block[offset + read]! > threshold[node]!);
          else node = first[node]! + this.#isInside(LEAF - 1 - read, offset);
          read = column[node]!;
        }
        // The scores' own type rounds each sum, as the framework does.
        scores[group + row * outputs]! += this.#value[node]!;
      }
    }
  }

  /** 1 for a category of the set, 0 for any other. */
  #isInside(index: number, offset: number): 0 | 1 {
    const { column, set, missingInside } = this.#sets[index]!;
    const value = this.#block[offset + column]!;
    if (Number.isNaN(value)) return missingInside ? 1 : 0;
    const category = Math.trunc(value);
    if (!(category >= 0 && category < set.length * 32)) return 0;
    return ((set[category >>> 5]! >>> (category & 31)) & 1) as 0 | 1;
  }
}
