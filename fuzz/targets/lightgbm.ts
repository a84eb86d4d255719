/** LightGBM's text models: refused with an InvalidModel, or a model that answers. */
import { readFileSync } from "node:fs";
import { loadLightgbm } from "../../src/model-server/trees/lightgbm.ts";
import { loadAndRun } from "../model-runs.ts";
import type { FuzzTarget } from "../target.ts";

const VECTORS = new URL("../../test/model-server/trees/vectors/", import.meta.url);

/** A model of the tests with its first tree only, and without what follows the trees. */
function small(name: string): string {
  const text = readFileSync(new URL(`lightgbm-${name}.model.txt`, VECTORS), "utf8");
  const [header = "", tree = ""] = text.split(/^Tree=\d+$/m);
  const lines = header
    .split("\n")
    .filter((line) => !/^(feature_names|feature_infos|tree_sizes|monotone)/.test(line));
  return `${lines.join("\n")}\nTree=0${tree.split("end of trees")[0]}\nend of trees\n`;
}

export const target: FuzzTarget = {
  seeds: ["binary", "categorical", "constant", "multiclass", "float64"].map(small),
  dictionary: [
    "\n",
    "=",
    "num_leaves=",
    "num_cat=",
    "average_output\n",
    "is_linear=1",
    "decision_type=",
    "2147483647",
    "-2147483648",
    "1e308",
    "Tree=1\n",
  ],
  maxLength: 4096,
  run: (input) => loadAndRun(() => loadLightgbm(input)),
};
