import { compileTrees, type CategorySet, type Column, type Precision } from "./compile.ts";
import type { Tree } from "./tree.ts";

/** Arrays of features and of scores. */
export type Floats = Float32Array | Float64Array;

/** What a model's raw scores come from: trees, or XGBoost's linear booster. */
export interface Scorer {
  /** Adds the scores of rows of features to `scores`, which holds as many per row as the model has outputs. */
  addScores(features: Floats, rows: number, scores: Floats): void;
}

/** LightGBM's kZeroThreshold: what it takes for zero. */
const ZERO = 1e-35;
/** Rows taken through a tree together, so that the tree comes from memory once for all of them. */
const BLOCK_ROWS = 64;
/** Keeps the columns of a block of rows in the processor's cache. */
const BLOCK_VALUES = 65_536;
/** Descents made in step with each other, so that the processor works on one while another waits for memory. */
const LANES = 4;

/** Compiled trees and the scoring of rows with them. */
export class Ensemble implements Scorer {
  readonly #features: number;
  readonly #outputs: number;
  readonly #roots: Int32Array;
  readonly #depths: Int32Array;
  readonly #groups: Int32Array;
  readonly #columns: readonly Column[];
  readonly #sets: readonly CategorySet[];
  readonly #column: Int32Array;
  readonly #threshold: Floats;
  readonly #first: Int32Array;
  readonly #value: Floats;
  readonly #block: Floats;
  readonly #blockRows: number;
  readonly #inLanes: boolean;
  readonly #arrived = new Int32Array(LANES);

  constructor(trees: readonly Tree[], features: number, outputs: number, precision: Precision) {
    const compiled = compileTrees(trees, features, precision);
    const FloatArray = precision === "float32" ? Float32Array : Float64Array;
    this.#features = features;
    this.#outputs = outputs;
    this.#roots = Int32Array.from(compiled.roots);
    this.#depths = Int32Array.from(compiled.depths);
    this.#groups = Int32Array.from(trees, (tree) => tree.group);
    this.#columns = compiled.columns;
    this.#sets = compiled.sets;
    this.#column = Int32Array.from(compiled.column);
    this.#threshold = FloatArray.from(compiled.threshold);
    this.#first = Int32Array.from(compiled.first);
    this.#value = FloatArray.from(compiled.value);
    const width = Math.max(1, this.#columns.length);
    this.#blockRows = Math.max(1, Math.min(BLOCK_ROWS, Math.floor(BLOCK_VALUES / width)));
    this.#block = new FloatArray(this.#blockRows * width);
    // Lanes go to the full depth of a tree for every row, which is lost time where most leaves are far higher up.
    this.#inLanes = this.#sets.length === 0 && total(compiled.depths) <= 2 * total(compiled.meanDepths);
  }

  addScores(features: Floats, rows: number, scores: Floats): void {
    for (let start = 0; start < rows; start += this.#blockRows) {
      const count = Math.min(this.#blockRows, rows - start);
      this.#fillBlock(features, start, count);
      if (!this.#inLanes) this.#walk(scores, start, count);
      else if (count >= LANES) this.#scoreRowsInLanes(scores, start, count);
      else for (let row = 0; row < count; row++) this.#scoreTreesInLanes(scores, start, row);
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

  /** One tree after the other, several rows in step. */
  #scoreRowsInLanes(scores: Floats, start: number, count: number): void {
    const width = this.#columns.length;
    const outputs = this.#outputs;
    const arrived = this.#arrived;
    const value = this.#value;
    for (let tree = 0; tree < this.#roots.length; tree++) {
      const root = this.#roots[tree]!;
      const depth = this.#depths[tree]!;
      const score = start * outputs + this.#groups[tree]!;
      for (let row = 0; row < count; row += LANES) {
        const last = Math.min(LANES, count - row) - 1;
        const offset = row * width;
        const second = offset + Math.min(1, last) * width;
        const third = offset + Math.min(2, last) * width;
        this.#descend(depth, root, root, root, root, offset, second, third, offset + last * width);
        // The scores' own type rounds each sum, as the framework does.
        for (let lane = 0; lane <= last; lane++)
          scores[score + (row + lane) * outputs]! += value[arrived[lane]!]!;
      }
    }
  }

  /** One row, several trees in step. */
  #scoreTreesInLanes(scores: Floats, start: number, row: number): void {
    const offset = row * this.#columns.length;
    const score = (start + row) * this.#outputs;
    const roots = this.#roots;
    const depths = this.#depths;
    const arrived = this.#arrived;
    for (let tree = 0; tree < roots.length; tree += LANES) {
      const last = Math.min(LANES, roots.length - tree) - 1;
      const second = tree + Math.min(1, last);
      const third = tree + Math.min(2, last);
      const fourth = tree + last;
      const depth = Math.max(depths[tree]!, depths[second]!, depths[third]!, depths[fourth]!);
      this.#descend(
        depth,
        roots[tree]!,
        roots[second]!,
        roots[third]!,
        roots[fourth]!,
        offset,
        offset,
        offset,
        offset,
      );
      for (let lane = 0; lane <= last; lane++)
        scores[score + this.#groups[tree + lane]!]! += this.#value[arrived[lane]!]!;
    }
  }

  /** From four nodes down to their leaves. `Number(a > b)` compiles to no jump, `a > b ? 1 : 0` does. */
  #descend(
    depth: number,
    a: number,
    b: number,
    c: number,
    d: number,
    rowA: number,
    rowB: number,
    rowC: number,
    rowD: number,
  ): void {
    const block = this.#block;
    const column = this.#column;
    const threshold = this.#threshold;
    const first = this.#first;
    for (let level = 0; level < depth; level++) {
      a = first[a]! + Number(block[rowA + column[a]!]! > threshold[a]!);
      b = first[b]! + Number(block[rowB + column[b]!]! > threshold[b]!);
      c = first[c]! + Number(block[rowC + column[c]!]! > threshold[c]!);
      d = first[d]! + Number(block[rowD + column[d]!]! > threshold[d]!);
    }
    const arrived = this.#arrived;
    arrived[0] = a;
    arrived[1] = b;
    arrived[2] = c;
    arrived[3] = d;
  }

  /** Each row by itself and no further than its leaf: for categorical splits and trees of uneven depth. */
  #walk(scores: Floats, start: number, count: number): void {
    const block = this.#block;
    const column = this.#column;
    const threshold = this.#threshold;
    const first = this.#first;
    const width = this.#columns.length;
    const outputs = this.#outputs;
    for (let tree = 0; tree < this.#roots.length; tree++) {
      const root = this.#roots[tree]!;
      const score = start * outputs + this.#groups[tree]!;
      for (let row = 0; row < count; row++) {
        const offset = row * width;
        let node = root;
        for (let next = first[node]!; next !== node; next = first[node]!) {
          const read = column[node]!;
          node =
            next +
            (read < 0 ? this.#isInside(~read, offset) : Number(block[offset + read]! > threshold[node]!));
        }
        scores[score + row * outputs]! += this.#value[node]!;
      }
    }
  }

  /** 1 for a category of the set, 0 for any other. */
  #isInside(index: number, offset: number): number {
    const { column, set, missingInside } = this.#sets[index]!;
    const value = this.#block[offset + column]!;
    if (Number.isNaN(value)) return Number(missingInside);
    const category = Math.trunc(value);
    if (!(category >= 0 && category < set.length * 32)) return 0;
    return (set[category >>> 5]! >>> (category & 31)) & 1;
  }
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
