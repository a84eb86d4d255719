import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { invokeLine, onnxFeatures, treeFeatures } from "../../src/cli/sample-input.ts";

const model = fileURLToPath(new URL("../../examples/models/breast-cancer/model.onnx", import.meta.url));

test("an ONNX model's columns are read from its input", async () => {
  expect(onnxFeatures(await readFile(model))).toBe(30);
});

test("bytes that are no ONNX, or a part of one, are no mishap", async () => {
  const bytes = await readFile(model);
  for (const length of [0, 1, 10, 100, bytes.length - 1]) {
    expect(() => onnxFeatures(bytes.subarray(0, length))).not.toThrow();
  }
  expect(onnxFeatures(Buffer.from("not a model"))).toBeUndefined();
});

test("tree models say their features in their own words", () => {
  expect(treeFeatures('{"learner":{"learner_model_param":{"num_class":"0","num_feature":"30"}}}')).toBe(30);
  expect(treeFeatures("tree\nversion=v4\nmax_feature_idx=12\n")).toBe(13);
  const ubj = Buffer.from("4c0000000000000b6e756d5f66656174757265534c00000000000000023330", "hex");
  expect(treeFeatures(ubj.toString("latin1"))).toBe(30);
  expect(treeFeatures("nothing")).toBeUndefined();
});

test("the line has a value for each feature, and asks for a file where they are unknown", async () => {
  const file = { path: "model.onnx", source: model, size: (await stat(model)).size, executable: false };
  expect(await invokeLine("cancer", [file])).toBe(
    `bin/tideway invoke cancer -t text/csv -d '${Array(30).fill("0").join(",")}'`,
  );
  expect(await invokeLine("other", [])).toBe("bin/tideway invoke other -t application/json -d @input.json");
});
