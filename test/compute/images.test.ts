import { describe, expect, test } from "vitest";

import {
  chooseProgram,
  describeProgram,
  OWN_IMAGES,
  resolveImage,
  type Image,
  type ImageAliases,
} from "../../src/compute/images.ts";

const aliases: ImageAliases = {
  find: (image) => (image === "mine" ? ["gunicorn", "-b", "unix:{socket}"] : undefined),
};
const ecr = (repository: string) => `763104351884.dkr.ecr.eu-central-1.amazonaws.com/${repository}`;

describe("an image name stands for", () => {
  test.each<[string, Image]>([
    ["mine", { kind: "command", argv: ["gunicorn", "-b", "unix:{socket}"] }],
    ["tideway/onnx", { kind: "builtin", runtime: "onnx" }],
    ["tideway/xgboost:latest", { kind: "builtin", runtime: "xgboost" }],
    ["tideway/lightgbm", { kind: "builtin", runtime: "lightgbm" }],
    ["tideway/auto", { kind: "builtin" }],
    ["tideway/python", { kind: "script" }],
    [ecr("sagemaker-xgboost:1.7-1"), { kind: "framework", runtime: "xgboost" }],
    ["811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", { kind: "framework", runtime: "xgboost" }],
    [ecr("sagemaker-scikit-learn:1.2-1-cpu-py3"), { kind: "framework" }],
    [ecr("pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"), { kind: "framework" }],
    [`${ecr("huggingface-pytorch-inference")}@sha256:${"0".repeat(64)}`, { kind: "framework" }],
    ["451049120500.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:0.23-1", { kind: "framework" }],
  ])("%s", (image, program) => {
    expect(resolveImage(image, aliases)).toEqual(program);
  });

  test.each([
    "python:3.12",
    "tideway/other",
    "tideway/onnx/more",
    "constructor",
    ecr("my-own-image:1"),
    ecr("evil/sagemaker-xgboost:1"),
    "1234.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1",
    "763104351884.dkr.ecr.us-east-1.amazonaws.com.evil.org/sagemaker-xgboost:1",
  ])("nothing: %s", (image) => {
    expect(resolveImage(image, aliases)).toBe(
      `No program is known for the image ${image}. Use one of tideway/auto, tideway/onnx, tideway/xgboost, tideway/lightgbm, tideway/python, ` +
        `an image of AWS's XGBoost, scikit-learn, PyTorch or Hugging Face PyTorch repositories, or run: tideway image add ${image} -- COMMAND`,
    );
  });
});

describe("a framework's image with an artifact", () => {
  const framework: Image = { kind: "framework" };
  test.each<[string, Image, string[], Record<string, string>, unknown]>([
    ["with a script", framework, ["code/inference.py", "model.onnx"], {}, { kind: "script" }],
    [
      "with a script of another name",
      framework,
      ["code/serve.py"],
      { SAGEMAKER_PROGRAM: "serve.py" },
      { kind: "script" },
    ],
    ["with an ONNX model", framework, ["model.onnx"], {}, { kind: "builtin" }],
    [
      "of XGBoost",
      { kind: "framework", runtime: "xgboost" },
      ["xgboost-model"],
      {},
      { kind: "builtin", runtime: "xgboost" },
    ],
    [
      "of XGBoost by another name",
      { kind: "framework", runtime: "xgboost" },
      ["m.json"],
      {},
      { kind: "builtin", runtime: "xgboost" },
    ],
    [
      "of XGBoost with a script",
      { kind: "framework", runtime: "xgboost" },
      ["code/inference.py"],
      {},
      { kind: "script" },
    ],
  ])("%s", (_, image, files, environment, program) => {
    expect(chooseProgram(image, "x", files, environment)).toEqual(program);
  });

  test("with code of its own, elsewhere, runs that and nothing else", () => {
    const environment = { SAGEMAKER_PROGRAM: "serve.py", SAGEMAKER_SUBMIT_DIRECTORY: "s3://b/source.tar.gz" };
    expect(chooseProgram(framework, "x", ["model.onnx"], environment, ["serve.py"])).toEqual({
      kind: "script",
    });
    expect(chooseProgram(framework, "x", ["model.onnx"], environment, ["other.py"])).toBe(
      "The code at s3://b/source.tar.gz holds no serve.py. Put it there, or name another by SAGEMAKER_PROGRAM.",
    );
  });

  test("with nothing that can be served is refused by its files", () => {
    const files = ["a.pt", "b.pt", "c.pt", "d.pt", "e.pt", "f.pt"];
    expect(chooseProgram(framework, "pytorch", files, {})).toMatch(
      /^The image pytorch runs code\/inference\.py of the artifact, but the artifact holds only a\.pt, b\.pt, c\.pt, d\.pt, e\.pt, and 1 more\. Put/,
    );
    expect(chooseProgram({ kind: "script" }, "tideway/python", [], {})).toMatch(/but the artifact is empty/);
  });
});

test("programs and own images can be shown", () => {
  expect(describeProgram({ kind: "builtin" })).toBe("builtin:auto");
  expect(describeProgram({ kind: "builtin", runtime: "onnx" })).toBe("builtin:onnx");
  expect(describeProgram({ kind: "script" })).toBe("script");
  expect(describeProgram({ kind: "command", argv: ["a", "b"] })).toBe("command: a b");
  expect(OWN_IMAGES).toContainEqual({ name: "tideway/python", kind: "script" });
  expect(OWN_IMAGES).toContainEqual({ name: "tideway/auto", kind: "builtin" });
});
