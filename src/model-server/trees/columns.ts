import type { Column } from "./compile.ts";
import type { Floats } from "./scorer.ts";

/** LightGBM's kZeroThreshold: what it takes for zero. */
const ZERO = 1e-35;

const NEGATED = 1;
const NAN_IS_ZERO = 2;
const ZERO_IS_NAN = 4;

/** Makes the columns that splits read of a row's features. */
export class Columns {
  readonly count: number;
  readonly #features: Int32Array;
  readonly #changes: Uint8Array;

  constructor(columns: readonly Column[]) {
    this.count = columns.length;
    this.#features = Int32Array.from(columns, ({ feature }) => feature);
    this.#changes = Uint8Array.from(
      columns,
      ({ missing, negated }) =>
        (negated ? NEGATED : 0) |
        (missing === "none" ? NAN_IS_ZERO : missing === "nan-and-zero" ? ZERO_IS_NAN : 0),
    );
  }

  /** Reads the row that starts at `offset`, and writes to `at` and every `step` from there. */
  read(features: Floats, offset: number, into: Floats, at: number, step: number): void {
    const numbers = this.#features;
    const changes = this.#changes;
    for (let column = 0; column < numbers.length; column++, at += step) {
      let value = features[offset + numbers[column]!]!;
      const change = changes[column]!;
      if (change & NAN_IS_ZERO && Number.isNaN(value)) value = 0;
      else if (change & ZERO_IS_NAN && Math.abs(value) <= ZERO) value = Number.NaN;
      into[at] = change & NEGATED ? -value : value;
    }
  }
}
