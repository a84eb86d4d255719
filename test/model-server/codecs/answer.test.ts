import fc from "fast-check";
import { expect, test } from "vitest";

import { encodeCsv, encodeJson, encodeJsonLines } from "../../../src/model-server/codecs/answer.ts";
import { decodeCsv } from "../../../src/model-server/codecs/csv.ts";
import type { Signature } from "../../../src/model-server/codecs/fit.ts";
import { decodeJsonLines } from "../../../src/model-server/codecs/jsonlines.ts";
import { decodeNpy, encodeNpy } from "../../../src/model-server/codecs/npy.ts";
import type { Tensor } from "../../../src/model-server/model.ts";

const onnx = { format: "onnx", batch: false, openInference: false } as const;
const xgboost = { format: "xgboost", batch: false, openInference: false } as const;
const csv = (...given: Parameters<typeof encodeCsv>) => encodeCsv(...given).toString();
const floats = (shape: number[], ...values: number[]): Tensor => ({
  name: "y",
  type: "float32",
  shape,
  data: Float32Array.from(values),
});
const label: Tensor = { name: "label", type: "int64", shape: [2], data: BigInt64Array.of(1n, 0n) };
const probabilities = { ...floats([2, 2], 0.1, 0.9, 0.75, 0.25), name: "probabilities" };

test("a line per row, with NumPy's digits", () => {
  expect(csv([floats([2, 2], 0.1, 1, 2, 1e-5)], onnx)).toBe("0.1,1.0\n2.0,1e-05\n");
  expect(csv([floats([2], 0.1, Number.NaN)], onnx)).toBe("0.1\nnan\n");
  expect(csv([label, probabilities], onnx)).toBe("1,0.1,0.9\n0,0.75,0.25\n");
  expect(csv([{ name: "y", type: "string", shape: [2], data: ['a,"b', "c"] }], onnx)).toBe('"a,""b"\nc\n');
});

test("predictions in JSON, named where there are several, null for what is no number", () => {
  expect(JSON.parse(encodeJson([floats([2, 2], 0.1, 1, 2, 3)], onnx))).toEqual({
    predictions: [
      [0.1, 1],
      [2, 3],
    ],
  });
  expect(JSON.parse(encodeJson([floats([2], 0.1, 1)], onnx))).toEqual({ predictions: [0.1, 1] });
  expect(JSON.parse(encodeJson([floats([3], Number.NaN, Infinity, -Infinity)], onnx))).toEqual({
    predictions: [null, null, null],
  });
  expect(JSON.parse(encodeJson([label, probabilities], onnx))).toEqual({
    predictions: [
      { label: 1, probabilities: [0.1, 0.9] },
      { label: 0, probabilities: [0.75, 0.25] },
    ],
  });
  expect(JSON.parse(encodeJson([floats([1, 2, 2, 1], 1, 2, 3, 4)], onnx))).toEqual({
    predictions: [
      [
        [[1], [2]],
        [[3], [4]],
      ],
    ],
  });
});

test("outputs of different lengths are one row together", () => {
  expect(JSON.parse(encodeJson([label, floats([], 0.5)], onnx))).toEqual({
    predictions: [{ label: [1, 0], y: 0.5 }],
  });
  expect(JSON.parse(encodeJson([floats([0, 2])], onnx))).toEqual({ predictions: [] });
});

test("an Open Inference request gets an Open Inference answer", () => {
  expect(JSON.parse(encodeJson([label, probabilities], { ...onnx, openInference: true }))).toEqual({
    model_name: "model",
    outputs: [
      { name: "label", shape: [2], datatype: "INT64", data: [1, 0] },
      { name: "probabilities", shape: [2, 2], datatype: "FP32", data: [0.1, 0.9, 0.75, 0.25] },
    ],
  });
});

test("a JSON value per line", () => {
  expect(encodeJsonLines([floats([2, 2], 0.1, 1, 2, 3)], onnx)).toBe("[0.1, 1.0]\n[2.0, 3.0]\n");
  expect(encodeJsonLines([floats([2], 0.1, 1)], xgboost)).toBe('{"score": 0.1}\n{"score": 1.0}\n');
});

test("XGBoost answers as AWS's container does: float64 digits on one line, or a line each for batch", () => {
  expect(csv([floats([2], 0.1, 1)], xgboost)).toBe("0.10000000149011612,1.0");
  expect(csv([floats([2, 1], 0.1, 1)], xgboost)).toBe("0.10000000149011612,1.0");
  expect(csv([floats([2], 0.1, 1)], { ...xgboost, batch: true })).toBe("0.10000000149011612\n1.0\n");
  expect(csv([floats([2, 2], 0.5, 0.25, 1, 0)], xgboost)).toBe("[0.5, 0.25],[1.0, 0.0]");
  expect(JSON.parse(encodeJson([floats([2], 0.5, 1)], xgboost))).toEqual({
    predictions: [{ score: 0.5 }, { score: 1 }],
  });
});

test("numbers written as CSV, JSON and NPY are read as the same float32", () => {
  const float = fc.float().filter((value) => !Object.is(value, -0));
  const table = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
    .chain(([rows, columns]) =>
      fc.record({
        shape: fc.constant([rows, columns]),
        data: fc.array(float, { minLength: rows * columns, maxLength: rows * columns }),
      }),
    );
  const model: Signature = { format: "onnx", inputs: [{ name: "x", type: "float32", shape: [-1, -1] }] };
  fc.assert(
    fc.property(table, ({ shape, data }) => {
      const tensor: Tensor = { name: "x", type: "float32", shape, data: Float32Array.from(data) };
      expect(decodeCsv(encodeCsv([tensor], onnx), new Map(), model).get("x")).toEqual(tensor);
      expect(decodeNpy(encodeNpy(tensor), model).get("x")).toEqual(tensor);
      // JSON has neither NaN nor the infinities: null for all three
      const finite = {
        ...tensor,
        data: Float32Array.from(data).map((value) => (Number.isFinite(value) ? value : Number.NaN)),
      };
      const lines = encodeJsonLines([tensor], onnx);
      expect(decodeJsonLines(lines, model).get("x")).toEqual(finite);
    }),
  );
});
