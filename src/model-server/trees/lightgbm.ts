import { InvalidModel, type Model } from "../model.ts";
import { MAX_FEATURES, MAX_OUTPUTS } from "./bounds.ts";
import { treeScorer } from "./tree-scorer.ts";
import { lightgbmLink } from "./lightgbm-objective.ts";
import { readLightgbmTree, Section } from "./lightgbm-tree.ts";
import { TreeModel } from "./tree-model.ts";

/** Loads what LightGBM's `save_model` writes. */
export function loadLightgbm(text: Uint8Array | string): Model {
  const { header, trees: sections } = split(decode(text));
  const features = header.integer("max_feature_idx", 0, MAX_FEATURES - 1) + 1;
  const groups = header.integer("num_tree_per_iteration", 1, MAX_OUTPUTS);
  if (sections.length % groups !== 0)
    throw new InvalidModel(
      `The model has ${sections.length} trees, which is no multiple of its num_tree_per_iteration ${groups}.`,
    );
  // A random forest answers the average of its trees.
  const divisor = header.get("average_output") === undefined ? 1 : Math.max(1, sections.length / groups);
  const trees = sections.map((section, i) => readLightgbmTree(section, i % groups, divisor));

  return new TreeModel({
    format: "lightgbm",
    // LightGBM compares and adds doubles; whole numbers above 2^24 (times, cents) would not survive float32.
    precision: "float64",
    features,
    base: Array.from({ length: groups }, () => 0),
    scorer: treeScorer(trees, features, groups, "float64"),
    link: lightgbmLink(header.get("objective")),
  });
}

function decode(text: Uint8Array | string): string {
  if (typeof text === "string") return text;
  try {
    return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("utf8");
  } catch (error) {
    throw new InvalidModel(`The model can not be read as text: ${(error as Error).message}.`);
  }
}

/** The header and the trees; what follows "end of trees" (importances, parameters) has no part in predicting. */
function split(text: string): { header: Section; trees: Section[] } {
  const header = new Section("The model's header");
  const trees: Section[] = [];
  const lines = text.split("\n").map((line) => line.trim());
  if (lines[0] !== "tree")
    throw new InvalidModel(
      'The model is no LightGBM text model (its first line is not "tree"). Save it with booster.save_model("model.txt").',
    );
  for (const line of lines.slice(1)) {
    if (line === "end of trees") return { header, trees };
    if (/^Tree=\d+$/.test(line)) trees.push(new Section(`Tree ${trees.length}`));
    else if (line !== "") (trees.at(-1) ?? header).add(line);
  }
  throw new InvalidModel('The model is cut off: it has no line "end of trees".');
}
