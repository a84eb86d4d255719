/** Decision trees as the readers hand them over: one node at a time, nothing yet checked. */

/** What a split does with NaN and 0 before it compares. XGBoost has only the first; LightGBM has all three. */
export type Missing = "nan" | "nan-and-zero" | "none";

/** `feature <= threshold` goes left; a missing value goes where `defaultLeft` says. */
export interface NumericSplit {
  readonly kind: "numeric";
  readonly feature: number;
  readonly threshold: number;
  readonly missing: Missing;
  readonly defaultLeft: boolean;
  readonly left: number;
  readonly right: number;
}

/** Categories in the set go to `inside`, all others to `outside`. */
export interface CategoricalSplit {
  readonly kind: "categorical";
  readonly feature: number;
  /** Category c is in the set when bit c % 32 of word c / 32 is on. */
  readonly set: Uint32Array;
  readonly missingInside: boolean;
  readonly inside: number;
  readonly outside: number;
}

/** A leaf adds its value to the score. */
export interface Leaf {
  readonly kind: "leaf";
  readonly value: number;
}

/** One tree: node 0 is the root, nodes are numbered below `size`, `group` is the output that leaves add to. */
export interface Tree {
  readonly group: number;
  readonly size: number;
  node(index: number): NumericSplit | CategoricalSplit | Leaf;
}
