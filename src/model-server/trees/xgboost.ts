import { InvalidModel, type Model } from "../model.ts";
import { MAX_FEATURES, MAX_OUTPUTS } from "./bounds.ts";
import { Field } from "./document.ts";
import { treeScorer } from "./tree-scorer.ts";
import type { Scorer } from "./scorer.ts";
import { TreeModel } from "./tree-model.ts";
import { parseUbjson } from "./ubjson.ts";
import { LinearBooster } from "./xgboost-linear.ts";
import { xgboostObjective } from "./xgboost-objective.ts";
import { CategoryBudget, readXgboostTree } from "./xgboost-trees.ts";

const HOW_TO_CONVERT =
  'Load it with the XGBoost that wrote it and save it with booster.save_model("model.json").';

/** Loads what XGBoost's `save_model` writes: JSON or UBJSON, told apart by their first bytes. */
export function loadXgboost(bytes: Uint8Array): Model {
  const document = new Field("", parse(bytes));
  const learner = document.get("learner");
  const objective = xgboostObjective(learner.get("objective").get("name").text());
  const parameters = learner.get("learner_model_param");
  const features = parameters.get("num_feature").integer(1, MAX_FEATURES);
  const classes = parameters.get("num_class").integer(0, MAX_OUTPUTS);
  const targets = parameters.get("num_target");
  const groups = Math.max(1, classes, targets.exists ? targets.integer(0, MAX_OUTPUTS) : 1);
  const base = baseScores(parameters.get("base_score"), groups).map((score) =>
    Math.fround(objective.toMargin(score)),
  );
  const unreachable = base.findIndex((margin) => !Number.isFinite(margin));
  if (unreachable >= 0) parameters.get("base_score").refuse("one that its objective can have");

  return new TreeModel({
    format: "xgboost",
    precision: "float32",
    features,
    base,
    scorer: readBooster(learner, features, groups),
    link: objective.link,
  });
}

function parse(bytes: Uint8Array): unknown {
  const head = Buffer.from(bytes.subarray(0, 64)).toString("latin1");
  if (/^\s*\{\s*["}]/.test(head)) return parseJson(bytes);
  if (head.startsWith("{")) return parseUbjson(bytes);
  if (head.startsWith("\x80"))
    throw new InvalidModel(`The model is a pickled Python object, which is never opened. ${HOW_TO_CONVERT}`);
  if (head === "") throw new InvalidModel("The model file is empty.");
  throw new InvalidModel(
    `The model is neither JSON nor UBJSON; XGBoost's old binary format is not read. ${HOW_TO_CONVERT}`,
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    // XGBoost writes NaN and Infinity bare, in statistics and (before 3.0) for what a categorical split has no use for.
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    return JSON.parse(
      /[[,:]\s*-?(?:NaN|Infinity)\b/.test(text)
        ? text.replace(/([[,:]\s*)-?(?:NaN|Infinity)\b/g, "$1null")
        : text,
    );
  } catch (error) {
    throw new InvalidModel(`The model is no whole JSON document: ${(error as Error).message}.`);
  }
}

/** "5E-1" up to XGBoost 3.0, "[5E-1]" or one per output since. */
function baseScores(field: Field, groups: number): number[] {
  const text = typeof field.value === "number" ? String(field.value) : field.text();
  const scores = text
    .replace(/^\[(.*)\]$/, "$1")
    .split(",")
    .map((part) => Math.fround(part.trim() === "" ? Number.NaN : Number(part)));
  if (scores.some((score) => !Number.isFinite(score)) || (scores.length !== 1 && scores.length !== groups))
    return field.refuse(`a number or an array of ${groups}`);
  return scores.length === groups ? scores : Array.from({ length: groups }, () => scores[0]!);
}

function readBooster(learner: Field, features: number, groups: number): Scorer {
  const booster = learner.get("gradient_booster");
  const name = booster.get("name");
  switch (name.text()) {
    case "gblinear":
      return new LinearBooster(booster.get("model"), features, groups);
    case "gbtree":
      return readTrees(learner, booster.get("model"), undefined, features, groups);
    case "dart":
      return readTrees(
        learner,
        booster.get("gbtree").get("model"),
        booster.get("weight_drop"),
        features,
        groups,
      );
    default:
      return name.refuse("gbtree, dart or gblinear");
  }
}

function readTrees(
  learner: Field,
  model: Field,
  drops: Field | undefined,
  features: number,
  groups: number,
): Scorer {
  const fields = model.get("trees").array();
  const treeInfo = model.get("tree_info");
  const info = treeInfo.numbers(fields.length);
  const weights = drops?.numbers(fields.length);
  const budget = new CategoryBudget();
  const trees = fields.slice(0, usedTrees(learner, model, fields.length, groups)).map((field, i) => {
    const group = info[i]!;
    if (!(Number.isInteger(group) && group >= 0 && group < groups))
      treeInfo.refuse(`a list of numbers below ${groups}`);
    const weight = weights?.[i] ?? 1;
    if (!Number.isFinite(weight)) drops?.refuse("a list of finite numbers");
    return readXgboostTree(field, group, weight, budget);
  });
  return treeScorer(trees, features, groups, "float32");
}

/**
 * After early stopping, the trees up to the best round. Booster.predict itself uses all of them, but AWS's container
 * passes ntree_limit=best_ntree_limit where the booster has it (sagemaker-xgboost-container, serve_utils.py), and
 * so do XGBoost's scikit-learn classes.
 */
function usedTrees(learner: Field, model: Field, trees: number, groups: number): number {
  const attributes = learner.get("attributes");
  const best = attributes.exists ? attributes.get("best_iteration") : undefined;
  if (!best?.exists) return trees;
  const parallel = model.get("gbtree_model_param").get("num_parallel_tree");
  const perRound = groups * Math.max(1, parallel.exists ? parallel.integer(0, 0x7fffffff) : 1);
  return Math.min(trees, (best.integer(0, 0x7fffffff) + 1) * perRound);
}
