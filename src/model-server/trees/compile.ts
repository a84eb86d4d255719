import { InvalidModel } from "../model.ts";
import type { CategoricalSplit, Missing, NumericSplit, Tree } from "./tree.ts";

/** The type that a framework compares and adds in. */
export type Precision = "float32" | "float64";

/** What splits read: a feature, or something simple made of it once per row. */
export interface Column {
  readonly feature: number;
  readonly missing: Missing;
  readonly negated: boolean;
}

/** The set of one categorical split and the column that holds its category. */
export interface CategorySet {
  readonly column: number;
  readonly set: Uint32Array;
  readonly missingInside: boolean;
}

/**
 * Trees as flat arrays, one slot per node, in which the two children of a split lie side by side.
 *
 * A numeric split is one comparison that needs no case for missing values: `row[column] > threshold` goes to the
 * slot after `first`, all else (NaN included) to `first`. So the child for missing values comes first, and where
 * this turns the comparison round the split reads a column that holds the negated feature. A leaf leads to itself
 * (`first` is its own slot, nothing is above its threshold), so a descent may go on after it has arrived.
 */
export interface CompiledTrees {
  readonly features: number;
  readonly outputs: number;
  readonly precision: Precision;
  readonly roots: readonly number[];
  /** The most splits on the way to a leaf, per tree. */
  readonly depths: readonly number[];
  /** The output that a tree's leaves add to, per tree. */
  readonly groups: readonly number[];
  readonly columns: readonly Column[];
  readonly sets: readonly CategorySet[];
  /** The column that a numeric split reads; below zero, ~column is the index of a categorical split's set. */
  readonly column: readonly number[];
  readonly threshold: readonly number[];
  readonly first: readonly number[];
  readonly value: readonly number[];
}

/** Checks that the trees are trees (no cycle, no child or feature that does not exist) and lays them out. */
export function compileTrees(
  trees: readonly Tree[],
  features: number,
  outputs: number,
  precision: Precision,
): CompiledTrees {
  const below = precision === "float32" ? nextBelowFloat32 : nextBelowFloat64;
  const roots: number[] = [];
  const depths: number[] = [];
  const columns = new ColumnTable(features);
  const sets: CategorySet[] = [];
  const column: number[] = [];
  const threshold: number[] = [];
  const first: number[] = [];
  const value: number[] = [];

  for (const [number, tree] of trees.entries()) {
    const seen = new Uint8Array(tree.size);
    const nodes: number[] = [];
    const levels: number[] = [];
    const root = column.length;
    // Breadth first, so that what is enqueued together gets slots side by side.
    const enqueue = (node: number, level: number) => {
      if (!(Number.isInteger(node) && node >= 0 && node < tree.size))
        throw new InvalidModel(`Tree ${number} has no node ${node}, but something leads there.`);
      if (seen[node]) throw new InvalidModel(`Tree ${number} reaches its node ${node} on more than one way.`);
      seen[node] = 1;
      nodes.push(node);
      levels.push(level);
      column.push(0);
      threshold.push(Infinity);
      value.push(0);
      first.push(first.length);
    };
    enqueue(0, 0);
    for (let next = 0; next < nodes.length; next++) {
      const at = root + next;
      const level = levels[next]!;
      const node = tree.node(nodes[next]!);
      if (node.kind === "leaf") {
        value[at] = node.value;
        continue;
      }
      first[at] = column.length;
      if (node.kind === "numeric") {
        column[at] = columns.index(node, node.missing, !node.defaultLeft, number);
        threshold[at] = node.defaultLeft ? node.threshold : below(-node.threshold);
        enqueue(node.defaultLeft ? node.left : node.right, level + 1);
        enqueue(node.defaultLeft ? node.right : node.left, level + 1);
      } else {
        const { set, missingInside } = node;
        const index =
          sets.push({ column: columns.index(node, "nan", false, number), set, missingInside }) - 1;
        column[at] = ~index;
        enqueue(node.outside, level + 1);
        enqueue(node.inside, level + 1);
      }
    }
    roots.push(root);
    depths.push(levels.at(-1) ?? 0);
  }
  const groups = trees.map(({ group }) => group);
  return {
    features,
    outputs,
    precision,
    roots,
    depths,
    groups,
    columns: columns.all,
    sets,
    column,
    threshold,
    first,
    value,
  };
}

/** The columns in use, each once. */
class ColumnTable {
  readonly all: Column[] = [];
  readonly #features: number;
  readonly #indexes = new Map<string, number>();

  constructor(features: number) {
    this.#features = features;
  }

  index(
    { feature }: NumericSplit | CategoricalSplit,
    missing: Missing,
    negated: boolean,
    tree: number,
  ): number {
    if (!(feature >= 0 && feature < this.#features))
      throw new InvalidModel(
        `Tree ${tree} splits on feature ${feature}, but the model has ${this.#features} features.`,
      );
    const key = `${feature} ${missing} ${negated}`;
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const index = this.all.push({ feature, missing, negated }) - 1;
    this.#indexes.set(key, index);
    return index;
  }
}

/** One number, seen as a float and as its bits. */
const float = new Float32Array(1);
const floatBits = new Int32Array(float.buffer);
const double = new Float64Array(1);
const doubleBits = new BigInt64Array(double.buffer);

/** The greatest float32 below a float32, so that `x < t` can be asked as `x <= nextBelowFloat32(t)`. */
export function nextBelowFloat32(value: number): number {
  float[0] = value;
  floatBits[0] = value === 0 ? -0x7fffffff : floatBits[0]! + (value > 0 ? -1 : 1);
  return float[0];
}

/** The greatest float64 below a float64. */
function nextBelowFloat64(value: number): number {
  double[0] = value;
  doubleBits[0] = value === 0 ? -0x7fffffffffffffffn : doubleBits[0]! + (value > 0 ? -1n : 1n);
  return double[0];
}
