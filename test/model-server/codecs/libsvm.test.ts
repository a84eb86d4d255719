import { expect, test } from "vitest";

import { decodeLibsvm } from "../../../src/model-server/codecs/libsvm.ts";
import type { ModelFormat } from "../../../src/model-server/model.ts";

const decode = (text: string, format: ModelFormat = "xgboost") => {
  const { shape, data } = decodeLibsvm(text, {
    format,
    inputs: [{ name: "features", type: "float32", shape: [-1, 4] }],
  }).get("features")!;
  return { shape, data: Array.from(data as Float32Array) };
};

const missing = Number.NaN;

test("takes indices as they stand, with or without a label", () => {
  expect(decode("1 0:1.5 2:-3\n3:4e0 # a comment\n0 qid:7 1:2\n")).toEqual({
    shape: [3, 4],
    data: [1.5, missing, -3, missing, missing, missing, missing, 4, missing, 2, missing, missing],
  });
});

test("what is left out is zero to LightGBM", () => {
  expect(decode("1:2", "lightgbm").data).toEqual([0, 2, 0, 0]);
});

test.each([
  ["", /empty/],
  ["1 4:1", /^Line 1 has the index 4, but the model's columns are 0 to 3\.$/],
  ["1 0:1\n1 x:1", /^Line 2: "x:1" is not index:value/],
  ["1 0:", /"0:" is not index:value/],
  ["1 0:a", /"0:a" is not index:value/],
  ["1 2", /"2" is not index:value/],
  ["1 -1:2", /"-1:2" is not index:value/],
])("refuses %j", (text, sentence) => {
  expect(() => decode(text)).toThrow(sentence);
});

test("a comment goes to the end of its line, whatever is in it, at the price of one look", () => {
  expect(decode("1 0:1 # a\r1:2\r\n").data).toEqual([1, missing, missing, missing]);
  expect(decode(`1 0:1 ${"#".repeat(1_000_000)}\r`).data).toEqual([1, missing, missing, missing]);
});

test("empty lines do not ask for more memory than a large request may take", () => {
  expect(() => decode("\n".repeat(17_000_000) + "1 0:1")).toThrow("send fewer rows at once");
});
