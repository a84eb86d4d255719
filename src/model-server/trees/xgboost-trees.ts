import { nextBelowFloat32 } from "./compile.ts";
import type { Field } from "./document.ts";
import type { CategoricalSplit, Tree } from "./tree.ts";

/** XGBoost's greatest category, from its common/categorical.h. */
const MAX_CATEGORY = 16_777_215;
const NO_CATEGORIES = new Uint32Array(0);

/** What the sets of categories may take in memory: a short list of great numbers asks for much of it. */
export class CategoryBudget {
  #words = 33_554_432;

  take(words: number, list: Field): void {
    this.#words -= words;
    if (this.#words < 0) list.refuse("small enough: all sets of categories together may take 128 MiB");
  }
}

/** One entry of `gradient_booster.model.trees`; `weight` is DART's `weight_drop`. */
export function readXgboostTree(tree: Field, group: number, weight: number, budget: CategoryBudget): Tree {
  const parameters = tree.get("tree_param");
  const leafSize = parameters.get("size_leaf_vector");
  if (leafSize.exists && leafSize.integer(0, 0x7fffffff) > 1)
    leafSize.refuse(
      "1: trees with a vector in each leaf (multi_strategy=multi_output_tree) are not supported, train with one_output_per_tree",
    );

  const left = tree.get("left_children").numbers();
  const size = left.length;
  const right = tree.get("right_children").numbers(size);
  const features = tree.get("split_indices").numbers(size);
  const conditions = tree.get("split_conditions");
  const values = conditions.numbers(size);
  const defaultLeft = tree.get("default_left").numbers(size);
  const splitTypes = tree.get("split_type");
  const types = splitTypes.exists ? splitTypes.numbers(size) : undefined;
  const sets = types ? categorySets(tree, size, budget) : new Map<number, Uint32Array>();

  return {
    group,
    size,
    node: (index) => {
      const split = { feature: features[index]!, left: left[index]!, right: right[index]! };
      const missingLeft = Boolean(defaultLeft[index]);
      const isLeaf = split.left === -1;
      // At a categorical split the condition has no meaning; XGBoost 1 and 2 write NaN.
      if (!isLeaf && types?.[index]) return categorical(split, sets.get(index) ?? NO_CATEGORIES, missingLeft);
      const value = Math.fround(values[index]!);
      if (!Number.isFinite(value)) return conditions.refuse(`finite at node ${index}`);
      if (isLeaf) return { kind: "leaf", value: Math.fround(value * Math.fround(weight)) };
      // XGBoost's `x < threshold`, in float32.
      const threshold = nextBelowFloat32(value);
      return { kind: "numeric", ...split, threshold, missing: "nan", defaultLeft: missingLeft };
    },
  };
}

/** The categories listed at a node go right, all others (also ones that training never saw) left. */
function categorical(
  { feature, left, right }: { feature: number; left: number; right: number },
  set: Uint32Array,
  defaultLeft: boolean,
): CategoricalSplit {
  return { kind: "categorical", feature, set, missingInside: !defaultLeft, inside: right, outside: left };
}

/** Node -> its set, from the tree's one list of categories and the segment of it that belongs to each node. */
function categorySets(tree: Field, size: number, budget: CategoryBudget): Map<number, Uint32Array> {
  const sets = new Map<number, Uint32Array>();
  const nodeField = tree.get("categories_nodes");
  if (!nodeField.exists) return sets;
  const nodes = nodeField.numbers();
  const segments = tree.get("categories_segments");
  const starts = segments.numbers(nodes.length);
  const lengths = tree.get("categories_sizes").numbers(nodes.length);
  const list = tree.get("categories");
  const categories = list.numbers();
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i]!;
    const start = starts[i]!;
    const end = start + lengths[i]!;
    if (!(node >= 0 && node < size) || sets.has(node))
      nodeField.refuse("a list of different nodes of the tree");
    if (!(start >= 0 && end >= start && end <= categories.length)) segments.refuse("within categories");
    sets.set(node, bitset(list, categories, start, end, budget));
  }
  return sets;
}

function bitset(
  list: Field,
  categories: ArrayLike<number>,
  start: number,
  end: number,
  budget: CategoryBudget,
): Uint32Array {
  let most = 0;
  for (let i = start; i < end; i++) {
    const category = categories[i]!;
    if (!(Number.isInteger(category) && category >= 0 && category <= MAX_CATEGORY))
      list.refuse(`a list of whole numbers from 0 to ${MAX_CATEGORY}`);
    most = Math.max(most, category);
  }
  budget.take((most >>> 5) + 1, list);
  const set = new Uint32Array((most >>> 5) + 1);
  for (let i = start; i < end; i++) set[categories[i]! >>> 5]! |= 1 << (categories[i]! & 31);
  return set;
}
