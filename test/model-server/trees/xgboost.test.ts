import { describe, expect, test } from "vitest";

import { loadXgboost } from "../../../src/model-server/trees/xgboost.ts";
import { greatestDifference, modelBytes, modelFiles, predict, readVector } from "./vector.ts";
import { withoutWebAssembly } from "./without-web-assembly.ts";

describe("predictions equal XGBoost's own", () => {
  test.each(modelFiles("xgboost"))("%s", async (file, vectors) => {
    const model = loadXgboost(modelBytes(file));
    const walked = withoutWebAssembly(() => loadXgboost(modelBytes(file)));
    for (const name of vectors) {
      const { columns, rows, predictions } = readVector(name);
      expect(model.inputs).toEqual([{ name: "features", type: "float32", shape: [-1, columns] }]);
      const { shape, values } = await predict(model, rows);
      expect(shape).toEqual(
        Array.isArray(predictions[0]) ? [rows.length, predictions[0].length] : [rows.length],
      );
      expect(greatestDifference(values, predictions)).toBeLessThanOrEqual(1e-6);
      expect((await predict(walked, rows)).values).toEqual(values);
      const alone: number[] = [];
      for (const row of rows) alone.push(...(await predict(model, [row])).values);
      expect(alone).toEqual(values);
    }
  });
});

/** A model file's JSON, changed. */
function changed(file: string, change: (document: any) => void): Uint8Array {
  const document = JSON.parse(new TextDecoder().decode(modelBytes(file)));
  change(document);
  return new TextEncoder().encode(JSON.stringify(document));
}

const text = (value: string) => new TextEncoder().encode(value);
const first = (document: any) => document.learner.gradient_booster.model.trees[0];

describe("what can not be served is refused with a sentence", () => {
  test.each<[what: string, bytes: () => Uint8Array, sentence: RegExp]>([
    ["an empty file", () => text(""), /empty/],
    ["a pickle", () => Uint8Array.of(0x80, 4, 0x95), /pickled.*booster\.save_model\("model\.json"\)/],
    [
      "the old binary format",
      () => text("binf\0\0\0?"),
      /old binary format.*booster\.save_model\("model\.json"\)/,
    ],
    [
      "JSON cut off",
      () => modelBytes("xgboost-binary.model.json").subarray(0, 900),
      /no whole JSON document/,
    ],
    ["UBJSON cut off", () => modelBytes("xgboost-binary.model.ubj").subarray(0, 900), /cut off/],
    ["another JSON document", () => text('{"format": "onnx"}'), /no learner/],
    [
      "an unknown objective",
      () => changed("xgboost-binary.model.json", (d) => (d.learner.objective.name = "my:own")),
      /objective 'my:own'.*not supported/,
    ],
    [
      "a vector in each leaf",
      () => changed("xgboost-binary.model.json", (d) => (first(d).tree_param.size_leaf_vector = "2")),
      /multi_output_tree/,
    ],
    [
      "a cycle",
      () => changed("xgboost-binary.model.json", (d) => (first(d).left_children[1] = 0)),
      /more than one way/,
    ],
    [
      "a child that is not there",
      () => changed("xgboost-binary.model.json", (d) => (first(d).right_children[0] = 5000)),
      /no node 5000/,
    ],
    [
      "a feature that is not there",
      () => changed("xgboost-binary.model.json", (d) => (first(d).split_indices[0] = 30)),
      /feature 30, but the model has 30/,
    ],
    [
      "a class that is not there",
      () =>
        changed("xgboost-softprob.model.json", (d) => (d.learner.gradient_booster.model.tree_info[0] = 3)),
      /tree_info/,
    ],
    [
      "columns of different length",
      () => changed("xgboost-binary.model.json", (d) => first(d).default_left.pop()),
      /trees\[0\]\.default_left/,
    ],
    [
      "a base score outside the objective's range",
      () => changed("xgboost-binary.model.json", (d) => (d.learner.learner_model_param.base_score = "[1E0]")),
      /base_score/,
    ],
    [
      "sets of categories that would fill the memory",
      () =>
        changed("xgboost-categorical-partition.model.json", (d) => {
          const { model } = d.learner.gradient_booster;
          for (const tree of model.trees) tree.categories.fill(16_777_215);
          model.trees = Array.from({ length: 100 }, () => model.trees).flat();
          model.tree_info = model.trees.map(() => 0);
        }),
      /128 MiB/,
    ],
  ])("%s", (_, bytes, sentence) => {
    expect(() => loadXgboost(bytes())).toThrow(
      expect.objectContaining({ name: "InvalidModel", message: expect.stringMatching(sentence) }),
    );
  });
});

test("NaN and Infinity in statistics, which XGBoost writes bare, do not matter", () => {
  const whole = new TextDecoder().decode(modelBytes("xgboost-binary.model.json"));
  const odd = whole.replace(/"loss_changes":\[[^,\]]+,[^,\]]+/, '"loss_changes":[NaN,-Infinity');
  expect(odd).not.toBe(whole);
  expect(loadXgboost(text(odd)).format).toBe("xgboost");
});
