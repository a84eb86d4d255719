import { describe, expect, test } from "vitest";

import { loadLightgbm } from "../../../src/model-server/trees/lightgbm.ts";
import { greatestDifference, modelBytes, modelFiles, predict, readVector } from "./vector.ts";
import { withoutWebAssembly } from "./without-web-assembly.ts";

describe("predictions equal LightGBM's own", () => {
  test.each(modelFiles("lightgbm"))("%s", async (file, vectors) => {
    const model = loadLightgbm(modelBytes(file));
    const walked = withoutWebAssembly(() => loadLightgbm(modelBytes(file)));
    for (const name of vectors) {
      const { columns, rows, predictions } = readVector(name);
      expect(model.inputs).toEqual([{ name: "features", type: "float64", shape: [-1, columns] }]);
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

const model = (file: string) => new TextDecoder().decode(modelBytes(file));

describe("what can not be served is refused with a sentence", () => {
  test.each<[what: string, text: string, sentence: RegExp]>([
    ["an empty file", "", /first line is not "tree"/],
    ["another text", "hello\n", /save_model\("model\.txt"\)/],
    ["a cut", model("lightgbm-binary.model.txt").slice(0, 3000), /cut off/],
    [
      "an unknown objective",
      model("lightgbm-binary.model.txt").replace(/^objective=.*$/m, "objective=my own"),
      /'my own'.*not supported/,
    ],
    [
      "linear leaves",
      model("lightgbm-binary.model.txt").replace("is_linear=0", "is_linear=1"),
      /linear_tree/,
    ],
    [
      "a cycle",
      model("lightgbm-binary.model.txt").replace(/^left_child=\S+/m, "left_child=0"),
      /more than one way/,
    ],
    [
      "a child that is not there",
      model("lightgbm-binary.model.txt").replace(/^left_child=\S+/m, "left_child=70"),
      /no node/,
    ],
    [
      "a feature that is not there",
      model("lightgbm-binary.model.txt").replace(/^split_feature=\S+/m, "split_feature=30"),
      /feature 30, but the model has 30/,
    ],
    [
      "a threshold that is no number",
      model("lightgbm-binary.model.txt").replace(/^threshold=\S+/m, "threshold=x"),
      /place 0 of threshold/,
    ],
    [
      "too few leaves",
      model("lightgbm-binary.model.txt").replace(/^leaf_value=\S+ /m, "leaf_value="),
      /6 values of leaf_value where 7 belong/,
    ],
    [
      "categories out of bounds",
      model("lightgbm-categorical.model.txt").replace(/^cat_boundaries=0 \d+/m, "cat_boundaries=0 9999"),
      /Tree 0/,
    ],
    [
      "trees missing for some classes",
      model("lightgbm-multiclass.model.txt").replace(/^Tree=17$[^]*?^end/m, "end"),
      /17 trees.*num_tree_per_iteration 3/,
    ],
  ])("%s", (_, text, sentence) => {
    expect(() => loadLightgbm(text)).toThrow(
      expect.objectContaining({ name: "InvalidModel", message: expect.stringMatching(sentence) }),
    );
  });
});
