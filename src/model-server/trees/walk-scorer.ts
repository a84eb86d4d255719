import { Columns } from "./columns.ts";
import type { CategorySet, CompiledTrees } from "./compile.ts";
import type { Floats, Scorer } from "./scorer.ts";

/** Rows taken through a tree together, so that the tree comes from memory once for all of them. */
const BLOCK_ROWS = 64;
/** Keeps the columns of a block of rows in the processor's cache. */
const BLOCK_VALUES = 65_536;

/** Scores one row by one tree at a time, with splits of every kind. */
export class WalkScorer implements Scorer {
  readonly #features: number;
  readonly #outputs: number;
  readonly #roots: Int32Array;
  readonly #groups: Int32Array;
  readonly #columns: Columns;
  readonly #sets: readonly CategorySet[];
  readonly #column: Int32Array;
  readonly #threshold: Floats;
  readonly #first: Int32Array;
  readonly #value: Floats;
  readonly #block: Floats;
  readonly #blockRows: number;

  constructor(compiled: CompiledTrees) {
    const FloatArray = compiled.precision === "float32" ? Float32Array : Float64Array;
    this.#features = compiled.features;
    this.#outputs = compiled.outputs;
    this.#roots = Int32Array.from(compiled.roots);
    this.#groups = Int32Array.from(compiled.groups);
    this.#columns = new Columns(compiled.columns);
    this.#sets = compiled.sets;
    this.#column = Int32Array.from(compiled.column);
    this.#threshold = FloatArray.from(compiled.threshold);
    this.#first = Int32Array.from(compiled.first);
    this.#value = FloatArray.from(compiled.value);
    const width = Math.max(1, this.#columns.count);
    this.#blockRows = Math.max(1, Math.min(BLOCK_ROWS, Math.floor(BLOCK_VALUES / width)));
    this.#block = new FloatArray(this.#blockRows * width);
  }

  addScores(features: Floats, rows: number, scores: Floats): void {
    for (let start = 0; start < rows; start += this.#blockRows) {
      const count = Math.min(this.#blockRows, rows - start);
      for (let row = 0; row < count; row++)
        this.#columns.read(
          features,
          (start + row) * this.#features,
          this.#block,
          row * this.#columns.count,
          1,
        );
      this.#walk(scores, start, count);
    }
  }

  #walk(scores: Floats, start: number, count: number): void {
    const block = this.#block;
    const column = this.#column;
    const threshold = this.#threshold;
    const first = this.#first;
    const width = this.#columns.count;
    const outputs = this.#outputs;
    for (let tree = 0; tree < this.#roots.length; tree++) {
      const root = this.#roots[tree]!;
      const score = start * outputs + this.#groups[tree]!;
      for (let row = 0; row < count; row++) {
        const offset = row * width;
        let node = root;
        for (let next = first[node]!; next !== node; next = first[node]!) {
          const read = column[node]!;
          // `Number(a > b)` compiles to no jump, `a > b ? 1 : 0` does.
          node =
            next +
            (read < 0 ? this.#isInside(~read, offset) : Number(block[offset + read]! > threshold[node]!));
        }
        // The scores' own type rounds each sum, as the framework does.
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
