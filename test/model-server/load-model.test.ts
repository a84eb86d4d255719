import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, expect, test } from "vitest";

import { findModel, loadModel } from "../../src/model-server/load-model.ts";
import { InvalidModel, type ModelFormat } from "../../src/model-server/model.ts";

const linear = fileURLToPath(new URL("vectors/linear.onnx", import.meta.url));
const booster = '{"learner":{"attributes":{}}}';
let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "model-"))));
afterEach(() => rm(folder, { recursive: true }));

test.each<[string, string, ModelFormat]>([
  ["model.onnx", "", "onnx"],
  ["xgboost-model", "binf", "xgboost"],
  ["xgboost-model", booster, "xgboost"],
  ["model.json", ` ${booster}`, "xgboost"],
  ["model.ubj", "{L\0\0\0\0\0\0\0\x07learner{", "xgboost"],
  ["model.txt", "tree\nversion=v4\n", "lightgbm"],
])("%s holding %j is of %3$s", async (file, content, format) => {
  await writeFile(join(folder, file), content);
  await writeFile(join(folder, "config.json"), '{"threshold": 0.5}');
  await writeFile(join(folder, "README.txt"), "read me");
  await writeFile(join(folder, ".hidden.onnx"), "");
  await mkdir(join(folder, "code"));
  expect(await findModel(folder)).toEqual({ file, format });
});

test.each<[string, Record<string, string>, RegExp]>([
  ["an empty folder", {}, /holds no model that can be served\. Put an ONNX file .* Files seen: none\.$/],
  ["other files only", { "notes.txt": "hello", "data.csv": "1" }, /Files seen: data\.csv, notes\.txt\.$/],
  [
    "two models",
    { "a.onnx": "", "b.onnx": "" },
    /holds several models \(a\.onnx, b\.onnx\); keep the one to serve/,
  ],
  [
    "a pickle",
    { "model.joblib": "\x80\x04" },
    /model\.joblib can only be opened by its own framework: the artifact needs code\/inference\.py \(script mode\), or the endpoint a container/,
  ],
  ["a PyTorch file", { "model.pt": "PK" }, /model\.pt can only be opened/],
  ["a Keras file", { "model.h5": "" }, /model\.h5 can only be opened/],
])("refuses %s", async (_, files, sentence) => {
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
  await expect(findModel(folder)).rejects.toBeInstanceOf(InvalidModel);
  await expect(findModel(folder)).rejects.toThrow(sentence);
});

test("refuses a pickled booster by its first byte", async () => {
  await writeFile(join(folder, "xgboost-model"), Buffer.from([0x80, 0x04, 0x95]));
  await expect(findModel(folder)).rejects.toThrow(
    /xgboost-model is a Python pickle, which is never opened here/,
  );
});

test("refuses a TensorFlow saved model", async () => {
  await mkdir(join(folder, "saved_model"));
  await writeFile(join(folder, "saved_model.pb"), "");
  await expect(findModel(folder)).rejects.toThrow(/saved_model\.pb can only be opened/);
});

test("the image's runtime chooses among several, and asks for its own kind", async () => {
  await writeFile(join(folder, "a.onnx"), "");
  await writeFile(join(folder, "b.json"), booster);
  expect(await findModel(folder, "xgboost")).toEqual({ file: "b.json", format: "xgboost" });
  await expect(findModel(folder, "lightgbm")).rejects.toThrow(
    /Put a LightGBM text model \(model\.txt\) at its top level\. Files seen: a\.onnx, b\.json\.$/,
  );
});

test("a folder that is not there is named", async () => {
  await expect(findModel(join(folder, "gone"))).rejects.toThrow(/gone can not be read: ENOENT/);
});

test("loads the model that it finds", async () => {
  await copyFile(linear, join(folder, "model.onnx"));
  await using model = await loadModel(folder, undefined, 1);
  expect(model.inputs).toEqual([{ name: "x", type: "float32", shape: [-1, 3] }]);
});
