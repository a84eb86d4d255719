import { sequence } from "./sequence.ts";

export interface Forest {
  readonly trees: number;
  readonly depth: number;
  /** Nodes that fewer rows reach are leaves, as training with a least weight makes them. */
  readonly leastRows: number;
}

/**
 * A binary classifier in XGBoost's JSON format. Each split is at a value that one of the rows reaching it has, so that
 * rows like these spread over all branches, as they do in a model that was trained on them.
 */
export function boostedTrees(
  rows: readonly (readonly number[])[],
  { trees, depth, leastRows }: Forest,
): string {
  const features = rows[0]!.length;
  const chance = sequence(11);
  const grown = Array.from({ length: trees }, (_, id) => ({
    ...grow(rows, depth, leastRows, features, chance),
    id,
  }));
  return JSON.stringify({
    learner: {
      attributes: {},
      feature_names: [],
      feature_types: [],
      gradient_booster: {
        model: {
          gbtree_model_param: { num_parallel_tree: "1", num_trees: String(trees) },
          iteration_indptr: Array.from({ length: trees + 1 }, (_, index) => index),
          tree_info: grown.map(() => 0),
          trees: grown,
        },
        name: "gbtree",
      },
      learner_model_param: {
        base_score: "5E-1",
        boost_from_average: "1",
        num_class: "0",
        num_feature: String(features),
        num_target: "1",
      },
      objective: { name: "binary:logistic", reg_loss_param: { scale_pos_weight: "1" } },
    },
    version: [2, 1, 4],
  });
}

type Rows = readonly (readonly number[])[];

/** One tree, breadth first as XGBoost numbers its nodes. */
function grow(rows: Rows, depth: number, leastRows: number, features: number, chance: () => number) {
  const none = 2_147_483_647;
  const reached: { rows: Rows; level: number; parent: number }[] = [{ rows, level: 0, parent: none }];
  const left: number[] = [];
  const right: number[] = [];
  const feature: number[] = [];
  const condition: number[] = [];
  for (let node = 0; node < reached.length; node++) {
    const { rows: here, level } = reached[node]!;
    const split = Math.floor(chance() * features);
    const value = quantile(here, split, 0.2 + chance() * 0.6);
    // XGBoost reads a number without a decimal point as another type, and refuses it.
    const threshold = Math.fround(Number.isInteger(value) ? value + 0.5 : value);
    const below = here.filter((row) => Math.fround(row[split]!) < threshold);
    const rest = here.filter((row) => Math.fround(row[split]!) >= threshold);
    const leaf = level === depth || here.length < leastRows || below.length === 0 || rest.length === 0;
    left.push(leaf ? -1 : reached.length);
    right.push(leaf ? -1 : reached.length + 1);
    feature.push(leaf ? 0 : split);
    condition.push(leaf ? Math.fround((chance() - 0.5) / 10) : threshold);
    if (leaf) continue;
    reached.push({ rows: below, level: level + 1, parent: node });
    reached.push({ rows: rest, level: level + 1, parent: node });
  }
  return {
    base_weights: left.map((child, node) => (child < 0 ? condition[node]! : 0.5)),
    categories: [],
    categories_nodes: [],
    categories_segments: [],
    categories_sizes: [],
    default_left: left.map((_, node) => node % 2),
    left_children: left,
    loss_changes: left.map((child) => (child < 0 ? 0.25 : 0.5)),
    parents: reached.map(({ parent }) => parent),
    right_children: right,
    split_conditions: condition,
    split_indices: feature,
    split_type: left.map(() => 0),
    sum_hessian: reached.map(({ rows }) => rows.length + 0.5),
    tree_param: {
      num_deleted: "0",
      num_feature: String(features),
      num_nodes: String(left.length),
      size_leaf_vector: "1",
    },
  };
}

function quantile(rows: Rows, feature: number, share: number): number {
  const values = rows.map((row) => row[feature]!).sort((a, b) => a - b);
  return values[Math.floor(share * values.length)]!;
}
