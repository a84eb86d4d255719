/** XGBoost's JSON models: refused with an InvalidModel, or a model that answers. */
import { readFileSync } from "node:fs";
import { loadXgboost } from "../../src/model-server/trees/xgboost.ts";
import { loadAndRun } from "../model-runs.ts";
import type { FuzzTarget } from "../target.ts";

const VECTORS = new URL("../../test/model-server/trees/vectors/", import.meta.url);
const NAMES = ["linear", "no-trees", "missing", "dart", "categorical-partition"];

/** A model of the tests with its first trees only. */
function small(name: string): string {
  const document = JSON.parse(readFileSync(new URL(`xgboost-${name}.model.json`, VECTORS), "utf8"));
  const booster = document.learner.gradient_booster;
  const model = (booster.gbtree ?? booster).model;
  if (!model.trees) return JSON.stringify(document);
  const kept = 1;
  model.trees.length = Math.min(kept, model.trees.length);
  model.tree_info.length = model.trees.length;
  if (booster.weight_drop) booster.weight_drop.length = model.trees.length;
  return JSON.stringify(document);
}

export const target: FuzzTarget = {
  seeds: NAMES.map(small),
  dictionary: [
    "null",
    "NaN",
    "[]",
    "{}",
    "-1",
    '"0"',
    "1e999",
    "true",
    '"learner"',
    "multi:softprob",
    "reg:squarederror",
    "binary:logistic",
    "rank:ndcg",
    "count:poisson",
  ],
  maxLength: 4096,
  run: (input) => loadAndRun(() => loadXgboost(input)),
};
