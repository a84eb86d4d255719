import { describe, expect, test } from "vitest";

import { InvalidInput, type Tensor } from "../../../src/model-server/model.ts";
import { loadLightgbm } from "../../../src/model-server/trees/lightgbm.ts";
import { loadXgboost } from "../../../src/model-server/trees/xgboost.ts";
import { modelBytes, readVector } from "./vector.ts";

const xgboost = loadXgboost(modelBytes("xgboost-softprob.model.json"));
const lightgbm = loadLightgbm(modelBytes("lightgbm-multiclass.model.txt"));

function features(
  shape: number[],
  data: Tensor["data"] = new Float32Array(shape.reduce((a, b) => a * b, 1)),
) {
  return new Map<string, Tensor>([["features", { name: "features", type: "float32", shape, data }]]);
}

test("a model says what it takes and gives", () => {
  expect([xgboost.format, lightgbm.format]).toEqual(["xgboost", "lightgbm"]);
  expect(xgboost.outputs).toEqual([{ name: "predictions", type: "float32", shape: [-1, 3] }]);
  expect(lightgbm.outputs).toEqual([{ name: "predictions", type: "float64", shape: [-1, 3] }]);
  const classes = loadXgboost(modelBytes("xgboost-softmax.model.json"));
  expect(classes.outputs).toEqual([{ name: "predictions", type: "float32", shape: [-1] }]);
});

test("float32 and float64 features give the same answer where both hold them", async () => {
  const values = readVector("xgboost-softprob")
    .rows.flat()
    .map((value) => Math.fround(value ?? Number.NaN));
  const shape = [values.length / 4, 4];
  for (const model of [xgboost, lightgbm]) {
    const [narrow] = await model.run(features(shape, Float32Array.from(values)));
    const [wide] = await model.run(features(shape, Float64Array.from(values)));
    expect(wide).toEqual(narrow);
  }
});

test("no rows give no predictions", async () => {
  const [output] = await xgboost.run(features([0, 4]));
  expect(output).toEqual({ name: "predictions", type: "float32", shape: [0, 3], data: new Float32Array(0) });
});

test("the answer of one request is not changed by the next", async () => {
  const rows = readVector("xgboost-softprob")
    .rows.flat()
    .map((value) => value ?? Number.NaN);
  const [one] = await xgboost.run(features([1, 4], Float32Array.from(rows.slice(0, 4))));
  const before = Array.from(one!.data as Float32Array);
  await xgboost.run(features([1, 4], Float32Array.from(rows.slice(40, 44))));
  expect(Array.from(one!.data as Float32Array)).toEqual(before);
});

describe("requests that do not fit", () => {
  test.each<[string, Map<string, Tensor>, string]>([
    [
      "too few columns",
      features([2, 3]),
      "Feature size of inference data 3 is not consistent with feature size of trained model 4.",
    ],
    [
      "too many columns",
      features([2, 5]),
      "Feature size of inference data 5 is not consistent with feature size of trained model 4.",
    ],
    ["one dimension", features([4]), "Input 'features' takes rows of 4 columns, not the shape [4]."],
    [
      "fewer values than the shape says",
      features([2, 4], new Float32Array(7)),
      "Input 'features' has 7 values where its shape says 8.",
    ],
    [
      "integers",
      new Map([["features", { name: "features", type: "int32", shape: [1, 4], data: new Int32Array(4) }]]),
      "Input 'features' takes float32 or float64 values, not int32.",
    ],
    ["no input", new Map(), "The model takes one input, 'features'."],
    [
      "an input too many",
      new Map([...features([1, 4]), ["other", features([1, 4]).get("features")!]]),
      "The model takes one input, 'features', and none named 'other'.",
    ],
  ])("%s", (_, inputs, message) => {
    for (const model of [xgboost, lightgbm])
      expect(() => model.run(inputs)).toThrow(new InvalidInput(message));
  });
});
